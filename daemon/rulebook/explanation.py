"""One code explained: what it means, why it matters, and the mistake beside its mending."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a person reads about one code.

    *wrong* and *right* are YAML: a whole file where they begin with ``version``, rules where they begin with ``- id``,
    else keys of one rule. Codes about files as such have commands and words instead.
    """

    meaning: str
    why: str
    wrong: str
    right: str
