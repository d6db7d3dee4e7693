"""Write what a message proposes in the language of the file it is about, so that it can be copied as it stands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

SAFE_SIGNS = frozenset(" -_./()")
NOT_TEXT = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """YAML's flow style, or TOML."""

    toml: bool = False

    @classmethod
    def of(cls, file: str) -> "Notation":
        """Return the notation of a file by its name."""
        return cls(toml=PurePath(file).suffix.lower() == ".toml")

    def value(self, value: object) -> str:
        """Return a text, number, truth, list or map as the file would have it."""
        if isinstance(value, Mapping):
            inside = ", ".join(self.line(str(key), each) for key, each in value.items())
            return f"{{{inside}}}"
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Sequence):
            return f"[{', '.join(map(self.value, value))}]"
        return json.dumps(value)

    def line(self, key: str, value: object) -> str:
        """Return ``key: value`` or ``key = value``."""
        bare = key.replace("-", "_").isidentifier() and key.isascii()
        name = key if bare else json.dumps(key, ensure_ascii=False)
        told = _quoted(value) if key == "regex" and isinstance(value, str) else self.value(value)
        return f"{name}{' =' if self.toml else ':'} {told}"

    def _text(self, text: str) -> str:
        return text if not self.toml and _is_plain(text) else _quoted(text, backslashes_only=True)


def _quoted(text: str, *, backslashes_only: bool = False) -> str:
    """Quote *text*; single quotes leave backslashes alone, in both languages."""
    single = "'" not in text and text.isprintable() and ("\\" in text or not backslashes_only)
    return f"'{text}'" if single else json.dumps(text, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Tell whether YAML reads *text* as just this text without quotes; in doubt it does not."""
    return (
        all(char.isalnum() or char in SAFE_SIGNS for char in text)
        and text[:1].isalpha()
        and text == text.strip()
        and text.lower() not in NOT_TEXT
    )
