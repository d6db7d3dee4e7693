"""``flowmend capture``: a test for a rule, made of a real error, without what is personal in it."""

from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.one_error import ErrorId, File, RulePaths, Where, read_error
from daemon.cli.options import AccountName, Config, FlowName, Json, StepName

if TYPE_CHECKING:
    from daemon.rulebook.capturing import Captured

Toml = Annotated[bool, typer.Option("--toml", help="Print it as TOML.")]


def capture(
    error_id: ErrorId = None,
    file: File = None,
    toml: Toml = False,
    rules: RulePaths = None,
    config: Config = None,
    account: AccountName = None,
    flow: FlowName = None,
    step: StepName = None,
    json: Json = False,
) -> None:
    """Print a test made of a real error, ready to paste below "tests:" of a rule.

    Names, addresses, e-mails, telephone, card and account numbers, long numbers and tokens are replaced, the same value
    by the same substitute everywhere. The test is run through all rules: where another rule takes it than took the
    error, that is said (exit 1). Only reads.
    """
    from json import loads

    from daemon.cli.exits import PROBLEMS, complain
    from daemon.cli.render import print_json
    from daemon.core.exceptions import ConfigError
    from daemon.rulebook import toml_writer, yaml_writer
    from daemon.rulebook.capturing import capture as captured_of
    from daemon.rulebook.json_values import as_json
    from daemon.rulebook.sheet import NotCarriedError, sheet_of

    where = Where(account=account, flow=flow, step=step)
    explained, rule_set = read_error(error_id, file, rules=rules, config=config, where=where, command="capture")
    captured = captured_of(explained.step, explained.record, explained.facts, rule_set)
    changed = captured.wins != captured.won
    if json:
        test = loads(as_json(captured.test))  # numbers as numbers
        print_json({**test, "rule": captured.won or None, "notes": _notes(captured), "ok": not changed})
        raise typer.Exit(PROBLEMS if changed else 0)
    tests = sheet_of([captured.test])
    try:
        written = (toml_writer if toml else yaml_writer).write_tests(tests)
    except NotCarriedError as wrong:
        raise ConfigError(f"{wrong}, and this error's record holds one: leave out --toml") from None
    typer.echo(written, nl=False)
    for note in _notes(captured):
        complain(note)
    raise typer.Exit(PROBLEMS if changed else 0)


KINDS = {
    "mail": "e-mail address", "phone": "telephone number", "person": "name", "company": "company", "place": "address",
    "code": "personal number", "iban": "account number", "number": "long number", "machine": "machine address",
    "secret": "secret", "key": "token", "token": "token", "uuid": "id",
}  # fmt: skip


def _notes(captured: "Captured") -> list[str]:
    """Say what was replaced, whether the rule still wins, and what a program cannot see."""
    from daemon.cli.render import plural

    replaced = ", ".join(plural(count, KINDS[kind]) for kind, count in captured.replaced.items())
    notes = [f"replaced: {replaced or 'nothing'}"]
    if captured.wins == captured.won:
        notes.append(
            f'rule "{captured.won}" took the error and takes this test'
            if captured.won
            else "no rule takes it, before and after"
        )
    else:
        before = f'rule "{captured.won}"' if captured.won else "no rule"
        after = f'rule "{captured.wins}" does' if captured.wins else "no rule does"
        why = f": {captured.lost}" if captured.lost else ""
        notes.append(f"{before} took the error, but of this test {after}{why}. Put back what the rule asks for")
    if "patched" in captured.test:
        notes.append("patched is what the rule makes of the data today: look whether that is right")
    notes.append("names in running text look like other words: read it before you share it")
    return notes
