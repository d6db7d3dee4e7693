"""One rule file while it is being read: where its nodes stand, and every problem found in it so far."""

from collections.abc import Sequence

from daemon.rulebook.ast import Place
from daemon.rulebook.formats import Entry, Flaw, MappingNode, Node, ScalarNode, SequenceNode, Spot
from daemon.rulebook.notation import Notation
from daemon.rulebook.problems import Problem

PROBLEM_LIMIT = 200
"""Problems of one file that are shown; beyond it the file is broken from end to end."""


class Reading:
    """A file's text, its tree and its problems. Nothing in here raises: what is wrong is noted, and reading goes on.

    *error_count* counts all errors, also those beyond the limit: a part that adds none is fit for use.
    """

    def __init__(self, file: str, text: str, root: Node | None) -> None:
        self.file = file
        self.notation = Notation.of(file)
        self.root = root
        self.lines = text.split("\n")
        self.problems: list[Problem] = []
        self.error_count = 0
        self._unreadable: set[tuple[int, int]] = set()

    def place(self, spot: Spot) -> Place:
        """Return where *spot* stands."""
        return Place(file=self.file, line=spot.line, column=spot.column)

    def line(self, number: int) -> str:
        """Return the text of one line, counted from 1, or "" beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def note(  # noqa: PLR0913 - the parts of a message
        self,
        code: str,
        spot: Spot,
        message: str,
        *,
        inside: bool = False,
        offset: int = 0,
        width: int = 0,
        hint: str = "",
        allowed: Sequence[str] = (),
        why: str = "",
    ) -> None:
        """Note a problem at *spot*, unless its value could not even be read: then that is what is wrong with it.

        *inside*: the problem is with what *spot* holds, so its key belongs to the path. *offset* and *width* move and
        size the caret, for a place inside a text.
        """
        held = spot.value if isinstance(spot, Entry) else spot
        if not self._unreadable.isdisjoint({(spot.line, spot.column), (held.line, held.column)}):
            return
        self.error_count += code.startswith("E")
        if len(self.problems) > PROBLEM_LIMIT:
            return
        rule, path = self._way(spot, inside=inside)
        self.add(
            Problem(
                code=code,
                message=message,
                file=self.file,
                line=spot.line,
                column=spot.column + offset,
                width=width or spot.width,
                source=self.line(spot.line),
                rule=rule,
                path=path,
                hint=hint,
                allowed=tuple(allowed),
                why=why,
            )
        )

    def note_flaw(self, flaw: Flaw) -> None:
        """Note what was found while the text was taken apart."""
        if flaw.code in {"E005", "E007"}:
            self._unreadable.add((flaw.line, flaw.column))
        if len(self.problems) > PROBLEM_LIMIT:
            return
        spot = ScalarNode(None, "", flaw.line, flaw.column, flaw.width)
        rule, path = self._way(spot, inside=False)
        self.add(
            Problem(
                code=flaw.code,
                message=flaw.message,
                file=self.file,
                line=flaw.line,
                column=flaw.column,
                width=flaw.width,
                source=self.line(flaw.line),
                rule=rule,
                path=path,
                hint=flaw.hint,
                why=flaw.why,
                others=tuple(Place(file=self.file, line=line, column=column) for line, column in flaw.others),
                other_sources=tuple(self.line(line) for line, _ in flaw.others),
            )
        )

    def add(self, problem: Problem) -> None:
        """Add a problem; of a file that is broken from end to end only the first ones."""
        if len(self.problems) < PROBLEM_LIMIT:
            self.problems.append(problem)
        elif len(self.problems) == PROBLEM_LIMIT:
            message = f"more than {PROBLEM_LIMIT} problems in this file; the rest is not shown"
            self.problems.append(Problem(code="E006", message=message, file=self.file))

    def _way(self, spot: Spot, *, inside: bool) -> tuple[str, tuple[str, ...]]:
        """Return the id of the rule that *spot* is in, and the keys that lead to it from there."""
        steps: list[tuple[str, Node]] = []
        node = self.root
        while node is not None and node is not spot:
            step = _step(node, (spot.line, spot.column))
            if step is None:
                break
            steps.append(step)
            node = step[1]
        rule = ""
        labels: list[str] = []
        if len(steps) > 1 and steps[0][0] == "rules" and isinstance(steps[1][1], MappingNode):
            rule = _rule_id(steps[1][1])
            labels = [] if rule else [f"rule number {steps[1][0]}"]
            steps = steps[2:]
        for label, _ in steps:
            if label.isdigit() and labels:
                labels[-1] += f" {label}"
            else:
                labels.append(label)
        if steps and not inside and not isinstance(spot, MappingNode | SequenceNode):
            labels.pop()
        return rule, tuple(labels)


def _step(node: Node, place: tuple[int, int]) -> tuple[str, Node] | None:
    """Return the part of *node* that *place* is in: the last that begins at or before it, with its key or number."""
    found: tuple[str, Node] | None = None
    if isinstance(node, MappingNode):
        for entry in node.entries.values():
            if (entry.line, entry.column) <= place:
                found = (entry.key, entry.value)
    elif isinstance(node, SequenceNode):
        for number, item in enumerate(node.items, start=1):
            if (item.line, item.column) > place:
                break
            found = (str(number), item)
    return found


def _rule_id(node: MappingNode) -> str:
    entry = node.entries.get("id")
    value = entry.value if entry else None
    return value.text if isinstance(value, ScalarNode) else ""
