"""``flowmend explain``: which rule takes an error, and why the others do not."""

from typing import Annotated

import typer

from daemon.cli.one_error import ErrorId, File, RulePaths, Where, read_error
from daemon.cli.options import AccountName, Config, Json, StepName

All = Annotated[bool, typer.Option("--all", help="Every rule, not only the winner and the near misses.")]


def explain(
    error_id: ErrorId = None,
    file: File = None,
    rules: RulePaths = None,
    config: Config = None,
    account: AccountName = None,
    step: StepName = None,
    every: All = False,
    json: Json = False,
) -> None:
    """Explain an error: every rule in order, the condition that failed and what was found, near misses first.

    Of an open error it also says what a cycle would do with it now, and what stands in its way. Only reads.
    """
    from daemon.cli.explain_view import explained_json, show_explained
    from daemon.cli.render import print_json

    where = Where(account=account, step=step)
    explained, _ = read_error(error_id, file, rules=rules, config=config, where=where, command="explain")
    if json:
        print_json(explained_json(explained))
    else:
        show_explained(explained, every=every)
