"""How pauses are shown."""

from collections.abc import Callable, Sequence
from typing import Any

from daemon.cli.render import clean, console, say, stamp, table
from daemon.core.pauses import Pause, Scope

MEANS = (
    "Within it nothing more is written to integrator.io by any Flowmend that works with this store. Reading and "
    "confirming go on; so do retry jobs that integrator.io has accepted already."
)


def pauses_json(pauses: Sequence[Pause], by_file: Pause | None) -> dict[str, Any]:
    """Return what is paused for ``--json``; null stands for every account, flow or step, and for no end."""
    held = [pause for pause in (by_file, *pauses) if pause is not None]
    return {
        "paused": [
            {
                "account": pause.scope.account or None,
                "flow": pause.scope.flow_id or None,
                "step": pause.scope.step_id or None,
                "reason": pause.reason,
                "by": pause.by,
                "since": stamp(pause.since),
                "until": None if pause.until is None else stamp(pause.until),
                "file": pause is by_file,
            }
            for pause in held
        ]
    }


def show_pauses(pauses: Sequence[Pause], by_file: Pause | None, tell: Callable[[Scope], str]) -> None:
    """Print what is paused now, since when, until when, by whom and why."""
    held = [pause for pause in (by_file, *pauses) if pause is not None]
    if not held:
        say("Nothing is paused.")
        return
    drawn = table("paused now", "since", "until", "by", "reason")
    for pause in held:
        until = "the file is removed" if pause is by_file else "it is resumed"
        drawn.add_row(
            clean(tell(pause.scope), 200),
            stamp(pause.since),
            until if pause.until is None else stamp(pause.until),
            clean(pause.by, 200),
            clean(pause.reason, 200) or "-",
        )
    console().print(drawn)
    say()
    say(MEANS)
