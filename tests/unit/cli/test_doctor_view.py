"""What the doctor's findings amount to as an exit code, and how they are shown."""

import pytest

from daemon.app.findings import Finding, Grade, Topic
from daemon.cli.doctor_view import show_findings, verdict


def finding(topic: Topic, grade: Grade = Grade.WRONG, said: str = "so it is") -> Finding:
    return Finding(topic=topic, grade=grade, said=said, advice="do this", account="acme")


@pytest.mark.parametrize(
    ("topics", "code"),
    [
        ((), 0),
        ((Topic.RULES,), 1),
        ((Topic.CONFIGURATION,), 2),
        ((Topic.TOKEN,), 2),
        ((Topic.CLOCK,), 2),
        ((Topic.STORE,), 2),
        ((Topic.ACCOUNT,), 2),
        ((Topic.REGION,), 4),
        ((Topic.RIGHTS, Topic.RULES), 4),
        ((Topic.STORE, Topic.RULES), 2),
    ],
)
def test_what_is_wrong_decides_the_exit_code(topics: tuple[Topic, ...], code: int) -> None:
    assert verdict([finding(Topic.RULES, Grade.GOOD), *map(finding, topics)]) == code


def test_what_is_only_worth_knowing_is_no_failure() -> None:
    assert verdict([finding(topic, Grade.NOTE) for topic in Topic]) == 0


def test_findings_are_shown_with_what_to_do_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings(
        [
            finding(Topic.TOKEN, Grade.GOOD),
            finding(Topic.RULES, said="refused\nfile:1 \x1b[2J"),
            finding(Topic.STORE, Grade.NOTE),
        ]
    )

    assert capsys.readouterr().out.splitlines() == [
        "good  token of acme: so it is",
        "wrong rules of acme: refused",
        "      file:1 \\x1b[2J",
        "      What to do: do this",
        "note  store of acme: so it is",
        "      What to do: do this",
        "",
        "1 thing wrong, 1 thing worth knowing.",
    ]
