"""How one pass is shown, by ``once`` and ``demo``: live while it runs, and what came of it at its end."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from daemon.app.demo import Truth
from daemon.app.figures import Figures
from daemon.cli.reasons import REASONS
from daemon.cli.render import console, number, plural, say, stamp, table
from daemon.cli.waiting_view import waiting_lines
from daemon.core.actions import Mode
from daemon.core.tally import COUNTS, PER_RULE, Tally

COLUMNS = ("matched", "retried", "patched", "resolved", "held", "confirmed", "came_back", "unknown")
"""The columns of the table per rule; those without a single number are left out."""

STYLES = {"confirmed": "green", "came_back": "yellow", "refused": "yellow", "unknown": "bold red", "held": "cyan"}

LINES_BESIDE_THE_TABLE = 16
FEWEST_RULES = 8


class PassView:
    """Show a pass while it runs: live on a terminal, a line whenever figures change when piped; quiet if not *shown*."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown
        self.doing: dict[str, tuple[str, Sequence[Tally]]] = {}
        self.live: Live | None = None
        self.last = ""
        self.began_s = monotonic()

    def __enter__(self) -> Self:
        """Begin to show."""
        if self.shown and sys.stdout.isatty():
            self.live = Live(self, console=console(), refresh_per_second=8, transient=True)
            self.live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop showing."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    def progress(self, account: str, word: str, figures: Sequence[Tally]) -> None:
        """Note what is under way on *account*; *figures* may go on to change while it is."""
        self.doing[account] = word, figures
        line = f"{account}: {sentence(added(figures))}"
        if self.shown and self.live is None and added(figures).counts and line != self.last:
            say(line)
            self.last = line

    def finish(self, figures: Sequence[Figures], mode: Mode) -> None:
        """Show what came of it."""
        self.__exit__()
        for each in figures if self.shown else ():
            show_figures(each, mode)

    def __rich__(self) -> Group:
        """Return the picture of this moment."""
        rows = [
            _picture(account, word, added(figures), monotonic() - self.began_s)
            for account, (word, figures) in self.doing.items()
        ]
        return Group(*rows)


def _picture(account: str, word: str, tally: Tally, took_s: float) -> Group:
    """Return one account at this moment: what is under way, and the counts that are not 0."""
    head = Table.grid(padding=(0, 1))
    head.add_row(Spinner("dots"), Text(account, style="bold"), Text(f"{word}, {took_s:.0f} s"))
    counts = Table.grid(padding=(0, 2))
    shown = [name for name in COUNTS if tally.counts[name]]
    for start in range(0, len(shown), 4):
        cells: list[Text] = []
        for name in shown[start : start + 4]:
            cells += [Text(f"{tally.counts[name]:>7,}", style=STYLES.get(name, "")), Text(f"{_word(name):<9}")]
        counts.add_row(*cells)
    return Group(head, counts)


def added(figures: Iterable[Tally]) -> Tally:
    """Return the sum of some figures."""
    total = Tally()
    for each in figures:
        total.merge(each)
    return total


def sentence(tally: Tally) -> str:
    """Return the counts that are not 0; those of what was read in any case."""
    always = ("new", "matched")
    return ", ".join(f"{tally.counts[name]:,} {_word(name)}" for name in COUNTS if tally.counts[name] or name in always)


def _word(name: str) -> str:
    return name.replace("_", " ")


def rules_table(tally: Tally, *, most: int | None) -> Table:
    """Return the table of what each rule did; rules beyond *most* are added up in one row."""
    columns = [name for name in COLUMNS if tally.counts[name]]
    heads = [_word(name).replace(" ", "\n") for name in columns]
    drawn = table("rule", *heads, right=tuple(heads), title="What each rule did")
    for column in drawn.columns:
        column.vertical = "bottom"  # some heads have two lines
    ranked = sorted(tally.rules.items(), key=lambda item: (-_done(item[1]), -item[1]["matched"], item[0]))
    cut = len(ranked) if most is None or len(ranked) <= most else most - 1
    for rule_id, counts in ranked[:cut]:
        drawn.add_row(rule_id, *_cells(counts, columns))
    rest: Counter[str] = Counter()
    for _, counts in ranked[cut:]:
        rest.update(counts)
    if rest:
        drawn.add_row(f"{plural(len(ranked) - cut, 'more rule')}", *_cells(rest, columns), style="dim")
    drawn.add_row()
    drawn.add_row("all", *_cells(tally.counts, columns), style="bold")
    return drawn


def _done(counts: Mapping[str, int]) -> int:
    return sum(counts[name] for name in COLUMNS[1:])


def _cells(counts: Mapping[str, int], columns: Sequence[str]) -> list[Text]:
    return [Text(number(counts[name]), style=STYLES.get(name, "") if counts[name] else "dim") for name in columns]


def rules_json(figures: Figures) -> dict[str, dict[str, int]]:
    """Return what each rule did, for ``--json``."""
    return {rule_id: {name: counts[name] for name in PER_RULE} for rule_id, counts in figures.tally.rules.items()}


def figures_json(figures: Sequence[Figures]) -> dict[str, Any]:
    """Return what ``once --json`` prints."""
    return {"cycle": stamp(datetime.now(UTC)), "accounts": {each.account: each.to_json() for each in figures}}


def show_figures(figures: Figures, mode: Mode) -> None:
    """Print what one pass did for one account."""
    out, tally = console(), figures.tally
    if tally.rules:
        out.print(rules_table(tally, most=_rows_that_fit(out)))
        out.print()
    notes = Table.grid(padding=(0, 2, 0, 0))
    notes.add_column(no_wrap=True)
    notes.add_column()
    whole = "" if figures.failure is None and not tally.steps_failed else " as far as could be read"
    notes.add_row(
        Text(figures.account, style="bold"),
        f"{figures.open:,} open{whole}; {sentence(tally)}; {plural(figures.requests, 'request')}",
    )
    if tally.counts["unmatched"]:
        unmatched = f"{tally.counts['unmatched']:,} unmatched"
        notes.add_row(unmatched, "left alone, as no rule takes them (flowmend errors --unmatched lists them)")
    if figures.unsettled:
        notes.add_row(
            "", f"{plural(figures.unsettled, 'batch')} without an outcome yet; the next run goes on from there."
        )
    if tally.incidents:
        useless = "a rule's retries on a step do not help; that rule goes on there with single records"
        notes.add_row(plural(tally.incidents, "incident"), useless)
    if tally.steps_failed:
        notes.add_row(
            "", f"{plural(tally.steps_failed, 'failure')} of a step or flow, see above; nothing was concluded from it."
        )
    for reason, count in sorted(tally.skipped.items(), key=lambda item: (-item[1], item[0])):
        if count:
            notes.add_row(f"{count:,} not sent", f"{reason}: {REASONS.get(reason, 'see docs/rules.md')}")
    for which, what in waiting_lines(figures.waits):
        notes.add_row(which, what)
    out.print(notes)
    if mode is Mode.OBSERVE and figures.failure is None:
        out.print('Observe mode: nothing was sent but reads. mode = "enforce" in the configuration lets it act.')


def _rows_that_fit(out: Console) -> int | None:
    return max(out.size.height - LINES_BESIDE_THE_TABLE, FEWEST_RULES) if out.is_terminal else None


def show_books(figures: Figures, truth: Truth) -> None:
    """Hold Flowmend's figures against what the sandbox itself counted."""
    counts = figures.tally.counts
    names = ("retried", "patched", "resolved", "confirmed", "came_back")
    wrong = [name for name in names if counts[name] != getattr(truth, name)]
    out = console()
    out.print(
        f"\nThe sandbox's own books: {truth.retried:,} retried, {truth.patched:,} patched, {truth.resolved:,} resolved, "
        f"{truth.confirmed:,} really fixed, {truth.came_back:,} came back, {plural(truth.harmed, 'record')} there twice."
    )
    out.print("They agree with the table." if not wrong else f"They do not agree on: {', '.join(wrong)}.")
