"""Propose rules for errors that none takes: careful ones, which only observe until a person has looked at them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from daemon.core.recordings import CUT, Said, readable
from daemon.rulebook.constant_text import constant_texts
from daemon.rulebook.typed import SLUG_LIMIT, is_slug

WORKED_LEAST, WORKED_SHARE = 5, 0.8
"""A retry is proposed where so many retries of people went through, and such a share of those that they made."""

RESOLVED_LEAST, RESOLVED_SHARE = 20, 0.95
"""A resolve is proposed where people resolved so many errors, and such a share of all there were."""

SAMPLE_CUT = 300
WORDS_IN_ID = 5
LETTERS_ALONE = 16
"""How many letters must be the same where there is no code that a rule could ask for."""
LETTERS_OF_CODE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the errors of one pattern. *worked*: of those *retried* by people, how many did not come back."""

    pattern: str
    said: Sequence[Said]
    count: int
    open: int
    steps: int
    first_at: datetime | None
    last_at: datetime | None
    retried: int = 0
    worked: int = 0
    resolved: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rule as it would stand in a file: *when* and *then* and *tests* are what YAML or TOML would say."""

    rule_id: str
    why: str
    classify: str
    when: Mapping[str, object]
    then: Mapping[str, object]
    tests: Sequence[Mapping[str, object]]
    known: Known

    @property
    def letters(self) -> int:
        """Return how much the rule asks of the message: of two for one code the one that asks for more goes first."""
        return len(str(self.when.get("message", "")))


def propose(
    known: Known, others: Sequence[Said], neighbours: Sequence[Known], taken: Collection[str], days: int
) -> Proposal | None:
    """Return a rule for the errors of one pattern, None where they have too little in common to be told from others.

    *others* are errors that the rule is not to take, *neighbours* other patterns, *taken* the ids of rules there are.
    """
    first, code = known.said[0], code_of(known.said)
    texts = constant_texts([said.message.removesuffix(CUT) for said in known.said])
    rivals = [said.message for said in others if said.source == first.source and code.fits(said.code)]
    needed = texts[:1]
    while len(needed) < len(texts) and (_says_little(code, needed) or any(_has(one, needed) for one in rivals)):
        needed = texts[: len(needed) + 1]
    if _says_little(code, needed):
        return None
    when: dict[str, object] = {}
    if code.text:
        when["code"] = code.text if code.whole else {"starts_with": code.text}
    elif first.source:
        when["source"] = first.source
    if needed:
        when["message"] = {"contains": needed[0]} if len(needed) == 1 else {"contains_all": list(needed)}
    rule_id = _free(_slug(f"{code.text} {' '.join(_words(needed))}") or _slug(first.source) or "pattern", taken)
    return Proposal(
        rule_id=rule_id,
        why=_why(known, days),
        classify=first.classification if is_slug(first.classification) else "unclassified",
        when=when,
        then=_then(known),
        tests=[*_matches(known, needed), _no_match(known, code, needed, neighbours)],
        known=known,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a rule can ask of the code: all of it (*whole*), its beginning, or nothing ("")."""

    text: str
    whole: bool

    def fits(self, code: str) -> bool:
        """Tell whether the rule would take an error of this code."""
        return code.startswith(self.text) and (code == self.text or not self.whole)


def code_of(said: Sequence[Said]) -> Code:
    """Return what the codes of errors have in common: a code with an id in it is another one for each error."""
    codes = {one.code for one in said}
    if len(codes) == 1:
        code = codes.pop()
        return Code(text=code, whole=bool(code))
    low, high = min(codes), max(codes)  # what these two begin with, all between them do
    same = next((place for place, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    start = low[:same].rstrip("0123456789")
    return Code(text=start if sum(map(str.isalpha, start)) >= LETTERS_OF_CODE else "", whole=False)


def _says_little(code: Code, texts: Sequence[str]) -> bool:
    return not code.text and sum(map(str.isalpha, "".join(texts))) < LETTERS_ALONE


def _has(message: str, texts: Sequence[str]) -> bool:
    return all(text in message for text in texts)


def _words(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from text.split()[:WORDS_IN_ID]


def _slug(text: str) -> str:
    """Return *text* as a slug, cut at a word: what is neither a letter nor a digit of English is left out."""
    clear = "".join(char if char.isascii() and char.isalnum() else " " for char in text.lower())
    slug = ""
    for word in clear.split():
        if len(slug) + 1 + len(word) > SLUG_LIMIT - 4:
            break
        slug = f"{slug}-{word}" if slug else word
    return slug


def _free(rule_id: str, taken: Collection[str]) -> str:
    if rule_id not in taken:
        return rule_id
    number = 2
    while f"{rule_id}-{number}" in taken:
        number += 1
    return f"{rule_id}-{number}"


def _why(known: Known, days: int) -> str:
    since = f" in {days} days" if days else ""
    counted = f"{known.count} such error{'s' if known.count != 1 else ''}{since} were taken by no rule"
    people = _people(known)
    return f"Suggested, not reviewed: {counted}{people}. Say here what it means and who looks after it."


def _people(known: Known) -> str:
    told = []
    if known.retried:
        told.append(f"retried {known.retried} of them ({known.worked} did not come back)")
    if known.resolved:
        told.append(f"resolved {known.resolved}")
    return f"; people {' and '.join(told)}" if told else ""


def _then(known: Known) -> dict[str, object]:
    """Return the action that what people did speaks for: most often to hold."""
    retryable = all(said.retryable for said in known.said)
    if retryable and known.worked >= WORKED_LEAST and known.worked >= WORKED_SHARE * known.retried:
        return {"retry": {"after": "15m", "max_attempts": 1}}
    if known.resolved >= RESOLVED_LEAST and known.resolved >= RESOLVED_SHARE * known.count:
        return {"resolve": {"because": f"people resolved {known.resolved} of {known.count} of these by hand"}}
    return {"hold": {"queue": "triage"}}


def _matches(known: Known, texts: Sequence[str]) -> Iterator[Mapping[str, object]]:
    """Yield tests of the shortest, the longest and one more of the messages."""
    by_length = sorted(known.said, key=lambda said: (len(said.message), said.message))
    by_length = [said for said in by_length if len(said.message) <= SAMPLE_CUT] or by_length[:1]
    samples = [_sample(each, known, texts) for each in (by_length[0], by_length[-1], by_length[len(by_length) // 2])]
    return ({"match": sample} for place, sample in enumerate(samples) if sample not in samples[:place])


def _sample(said: Said, known: Known, texts: Sequence[str] = ()) -> dict[str, object]:
    """Return an error for a test: of its message only the words stay that all errors of the pattern share."""
    shared = set(_runs(" ".join((known.pattern, *texts))))
    message = "".join(
        run if run in shared else run.translate(_MASK) for run in _runs(readable(said.message.removesuffix(CUT)))
    )
    fields = {"source": said.source, "code": said.code, "message": message}
    return {name: value for name, value in fields.items() if value.strip()}


def _runs(text: str) -> Iterator[str]:
    """Yield *text* in runs of letters and digits, and of what stands between them."""
    return ("".join(run) for _, run in groupby(text, key=str.isalnum))


class _Mask(dict[int, str]):
    """What is shown for a character of a value: its kind."""

    def __missing__(self, char: int) -> str:
        text = chr(char)
        self[char] = shown = "0" if text.isdigit() else "X" if text.isupper() else "x" if text.isalpha() else text
        return shown


_MASK = _Mask()


def _no_match(known: Known, code: Code, texts: Sequence[str], neighbours: Sequence[Known]) -> Mapping[str, object]:
    """Return a test of an error that the rule is to leave: another one of the same code, if there is one."""
    for same_code in (True, False):
        for other in neighbours:
            said = other.said[0]
            if code.fits(said.code) is same_code and 0 < len(said.message) <= SAMPLE_CUT:
                sample = _sample(said, other)
                if not same_code or not _has(str(sample["message"]), texts):
                    return {"no_match": sample}
    like_these = _sample(known.said[0], known)
    return {"no_match": like_these | ({"message": "Another message."} if texts else {"code": "ANOTHER_CODE"})}
