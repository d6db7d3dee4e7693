"""Problems as GitHub Actions shows them beside the lines of a pull request: one workflow command each."""

from collections.abc import Iterable, Iterator

from daemon.rulebook.problems import Problem, body


def github_lines(problems: Iterable[Problem], *, strict: bool) -> Iterator[str]:
    """Yield a command for each problem; where the check is *strict*, a warning fails it and is shown as an error."""
    for one in problems:
        facts = {"file": one.file}
        if one.line:
            facts |= {"line": str(one.line), "col": str(one.column), "endColumn": str(one.column + one.width)}
        facts["title"] = f"{one.code} in rule {one.rule}" if one.rule else one.code
        told = ",".join(f"{name}={_property(value)}" for name, value in facts.items())
        level = "error" if one.is_error or strict else "warning"
        yield f"::{level} {told}::{_data(body(one))}"


def _data(text: str) -> str:
    """Escape the message of a workflow command: it ends at the end of the line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape one property of a workflow command: properties end at commas and colons, too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
