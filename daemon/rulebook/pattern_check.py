"""Say why RE2 refuses a pattern, where in it, and what to write instead."""

from dataclasses import dataclass, replace

from daemon.rulebook.pattern_rewrite import Instead, rewritten, significant
from daemon.rulebook.patterns import Pattern, PatternError

NO_WAY_TO_HANG = "patterns run on RE2, which cannot hang"

LOOK_AROUND = 'use two conditions instead: one that must hold, and one under "not"'
REPEATED = "a rule cannot ask that a text comes again; look for the words around it"
GROUPS = (
    ("(?=", "look-ahead", LOOK_AROUND),
    ("(?!", "look-ahead", LOOK_AROUND),
    ("(?<=", "look-behind", LOOK_AROUND),
    ("(?<!", "look-behind", LOOK_AROUND),
    ("(?P=", "a back-reference", REPEATED),
    ("(?>", "an atomic group", "write (?:…) instead"),
    ("(?(", "a condition inside the pattern", 'use two rules, or "any"'),
    ("(?#", "a comment inside the pattern", "put it into the file, behind a #"),
)
KINDS = {
    "missing )": "a bracket ( is opened and never closed",
    "unexpected )": "a bracket ) is closed that was never opened",
    "missing ]": "a bracket [ is opened and never closed",
    "no argument for repetition operator": "there is nothing here that could be repeated",
    "bad repetition operator": "two repetitions follow each other",
    "invalid repetition size": "no more than 1000 repetitions",
    "invalid character class range": "no such range of characters",
    "trailing \\": "a backslash at the end stands for nothing",
    "invalid named capture group": "not the name of a group: letters, digits and _ only",
    "invalid perl operator": "this form of group is not available",
    "pattern too large": "the pattern is too large when its repetitions are written out",
}
AS_TEXT = {
    "missing )": "close it; a bracket that is text is written \\(",
    "unexpected )": "open it, or leave it out; a bracket that is text is written \\)",
    "missing ]": "close it; a bracket that is text is written \\[",
    "no argument for repetition operator": "as text, they are written \\* \\+ \\?",
    "trailing \\": "as text, it is written \\\\",
}
POINTS_AT_ITS_START = frozenset({"missing )", "unexpected )"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternFlaw:
    """Why a pattern cannot be used; *offset* and *width* point into it. *instead* goes before *hint*, where it is known."""

    message: str
    offset: int
    width: int
    hint: str = ""
    instead: Instead | None = None


def check_pattern(pattern: str) -> tuple[PatternFlaw | None, frozenset[str]]:
    """Return what is wrong with *pattern*, or None, and the names of its groups."""
    try:
        compiled = Pattern(pattern)
    except PatternError as refusal:
        return replace(_explained(pattern, str(refusal)), instead=rewritten(pattern)), frozenset()
    return _named_twice(pattern) if compiled.names else None, frozenset(compiled.names)


def fits_everything(pattern: str) -> bool:
    """Tell whether a valid pattern is found in every text: in none at all, and in an improbable one."""
    compiled = Pattern(pattern)
    return compiled.found(b"") and compiled.found(b"\x01\n\x7f")


def _explained(pattern: str, refusal: str) -> PatternFlaw:
    kind, _, fragment = refusal.partition(": ")
    offset = max(0, pattern.find(fragment)) if kind not in POINTS_AT_ITS_START else _bracket(pattern, kind)
    width = min(len(fragment), len(pattern) - offset) if kind not in POINTS_AT_ITS_START else 1
    if kind == "invalid perl operator":
        for opening, name, hint in GROUPS:
            if pattern.startswith(opening, offset) or (opening.startswith(fragment) and opening in pattern[offset:]):
                at = pattern.find(opening, offset)
                message = f"{name} is not available: {NO_WAY_TO_HANG}"
                return PatternFlaw(message=message, offset=at, width=len(opening), hint=hint)
    if kind == "invalid escape sequence":
        if fragment[1:2].isdigit():
            message = f"a back-reference is not available: {NO_WAY_TO_HANG}"
            return PatternFlaw(message=message, offset=offset, width=width, hint=REPEATED)
        hint = {"\\Z": "write \\z"}.get(fragment, "for the character itself, leave out the backslash")
        return PatternFlaw(message=f'no such escape: "{fragment}"', offset=offset, width=width, hint=hint)
    if kind == "bad repetition operator" and fragment.endswith("+"):
        message = f"a possessive repetition is not available: {NO_WAY_TO_HANG}"
        return PatternFlaw(message=message, offset=offset, width=width, hint=f"write {fragment[:-1]}")
    message = f"the pattern is not valid: {KINDS.get(kind, kind)}"
    return PatternFlaw(message=message, offset=offset, width=max(1, width), hint=AS_TEXT.get(kind, ""))


def _bracket(pattern: str, kind: str) -> int:
    """Return the offset of the round bracket that has no partner."""
    opened: list[int] = []
    for at, char in significant(pattern):
        if char == "(":
            opened.append(at)
        elif char == ")" and opened:
            opened.pop()
        elif char == ")" and kind == "unexpected )":
            return at
    return opened[-1] if opened else 0


def _named_twice(pattern: str) -> PatternFlaw | None:
    """Return the flaw of a group name that stands twice; RE2 would keep only the first, without a word."""
    seen: set[str] = set()
    for at, char in significant(pattern):
        if char == "(" and pattern.startswith(("(?P<", "(?<"), at):
            name = pattern[pattern.index("<", at) + 1 : pattern.index(">", at)]
            if name in seen:
                message = f'the group name "{name}" stands twice in the pattern'
                return PatternFlaw(message=message, offset=at, width=pattern.index(">", at) - at + 1, hint="rename one")
            seen.add(name)
    return None
