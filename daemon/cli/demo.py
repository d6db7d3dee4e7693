"""``flowmend demo``: the sandbox and the daemon in one process, in under a minute."""

from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import Json

if TYPE_CHECKING:
    from daemon.app.demo import Truth

Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same shop.")]
ErrorCount = Annotated[
    int | None,
    typer.Option("--errors", min=1, max=20_000, help="How many open errors. Else 2,400.", show_default=False),
]


def demo(seed: Seed = 1, errors: ErrorCount = None, json: Json = False) -> None:
    """Show Flowmend at work on a sandbox shop with the shipped rules. Needs no account and changes nothing of yours."""
    import asyncio
    import sys
    from dataclasses import asdict

    from daemon.app.clock import SystemClock
    from daemon.app.demo import run_demo
    from daemon.cli.exits import worst
    from daemon.cli.pass_view import PassView, rules_json, show_books
    from daemon.cli.render import console, print_json
    from daemon.core.actions import Mode
    from daemon.logs import Secrets, configure_logs

    log = configure_logs(level="error", stream=sys.stderr, secrets=Secrets())

    def begun(truth: "Truth") -> None:
        if not json:
            console().print(
                f"A sandbox shop: {truth.errors:,} open errors on {truth.steps} steps of {truth.flows} flows. "
                "Flowmend reads them, judges them with the shipped rules, and acts.\n"
            )

    async def go() -> int:
        with PassView(shown=not json) as view:
            figures, truth = await run_demo(
                seed=seed, errors=errors, clock=SystemClock(), log=log, begun=begun, progress=view.progress
            )
            view.finish([figures], Mode.ENFORCE)
        if json:
            print_json({**figures.to_json(), "rules": rules_json(figures), "sandbox": asdict(truth)})
        else:
            show_books(figures, truth)
            console().print(
                "\nNext: flowmend sandbox --practice practice serves such a shop for you to try your own rules on, and "
                "makes a folder with all it takes; config.example.toml shows how to name your own account."
            )
        return worst([figures])

    raise typer.Exit(asyncio.run(go()))
