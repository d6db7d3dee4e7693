"""What the doctor's findings amount to as an exit code, and how they are shown."""

import pytest

from daemon.app.findings import Finding, Grade, Topic
from daemon.cli.doctor_view import show_findings, verdict


def finding(topic: Topic, grade: Grade = Grade.PROBLEM, said: str = "so it is") -> Finding:
    return Finding(topic=topic, grade=grade, said=said, advice="do this", account="acme")


@pytest.mark.parametrize("topic", Topic)
def test_any_problem_fails_whatever_it_is_about(topic: Topic) -> None:
    assert verdict([finding(Topic.RULES, Grade.OK), finding(topic)]) == 1


def test_what_is_only_worth_knowing_is_no_failure() -> None:
    assert verdict([finding(topic, Grade.WARNING) for topic in Topic]) == 0


def test_findings_are_shown_with_what_to_do_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings(
        [
            finding(Topic.TOKEN, Grade.OK),
            finding(Topic.RULES, said="refused\nfile:1 \x1b[2J"),
            finding(Topic.STORE, Grade.WARNING),
        ]
    )

    assert capsys.readouterr().out.splitlines() == [
        "ok      token of acme: so it is",
        "problem rules of acme: refused",
        "      file:1 \\x1b[2J",
        "      What to do: do this",
        "warning store of acme: so it is",
        "      What to do: do this",
        "",
        "1 problem, 1 warning.",
    ]
