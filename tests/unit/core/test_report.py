"""A report adds up, and never shows as nothing what nobody recorded."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.batches import Act
from daemon.core.periods import Gone, Period, total
from daemon.core.recordings import Fate
from daemon.core.records import StepRef
from daemon.core.report import DAY, Report, Told, account_report
from daemon.core.report_rows import NOT_KNOWN, Arrivals, Arrived, End, Left, OpenStep, Sent
from tests.report_values import ARRIVED, LEFT, LONG, NOW, SENT, WEEK, kept, reported


@given(st.lists(ARRIVED), st.lists(LEFT), st.lists(SENT))
def test_rules_days_and_what_the_store_told_add_up_to_the_same(
    arrived: list[Arrived], left: list[Left], sent: list[Sent]
) -> None:
    account = reported(arrived, left=left, sent=sent)
    assert total(account.by_day) == account.now
    assert total([Period(), *(rule.now for rule in account.rules)]) == account.now
    for rule in account.rules:
        assert total(rule.by_day) == rule.now
    for period, days in ((account.before, range(7)), (account.now, range(7, 14))):
        assert period.new == sum(one.count for one in arrived if one.day in days)
        assert period.gone is not None
        assert period.gone.left == sum(one.count for one in left if one.day in days)
        for act, ends in ((Act.RETRY, period.retries), (Act.RESOLVE, period.resolves)):
            assert ends is not None
            mine = [one for one in sent if one.day in days and one.act is act]
            assert ends.sent == sum(one.count for one in mine)
            for end in End:
                assert getattr(ends, end.value) == sum(one.count for one in mine if one.end is end)


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ("", "not_asked"),
        (Fate.PERSON_RESOLVED, "person_resolved"),
        (Fate.PERSON_RETRIED, "person_retried"),
        (Fate.PLATFORM, "platform"),
        (Fate.LEFT, "vanished"),
    ],
)
def test_each_way_to_leave_has_its_own_figure(how: str, field: str) -> None:
    account = reported(left=[Left(rule_id="r1", day=7, how=how, count=3)])
    assert account.now.gone == Gone(**{field: 3})
    assert account.now.retried("confirmed") == 0


CAME = [Arrived(rule_id="r1", day=day, count=1) for day in range(14)]


def test_without_recordings_nothing_is_said_of_what_came_and_left() -> None:
    sent = [Sent(rule_id="r1", day=8, act=Act.RETRY, end=End.CONFIRMED, count=2)]
    for account in (
        reported(keeps=timedelta(0), sent=sent),
        account_report("acme", WEEK, Told(arrivals=Arrivals(), kept=kept(LONG, LONG), sent=sent)),
    ):
        assert account.recorded_since is None
        for period in (account.now, account.before, *account.by_day, *(rule.now for rule in account.rules)):
            assert (period.new, period.gone) == (None, None)
        assert account.now.retried("confirmed") == 2, "the journal is there without them"


@pytest.mark.parametrize("why", ["kept too short", "the store is young"])
def test_days_before_the_recordings_are_not_shown_as_quiet(why: str) -> None:
    since = timedelta(days=2, hours=12)
    late = [one for one in CAME if one.day >= 11]
    account = reported(late, keeps=since) if why == "kept too short" else reported(late, first=since)
    assert account.recorded_since == NOW - since
    assert [period.new for period in account.by_day] == [None, None, None, None, 1, 1, 1]
    assert account.now.new == 3
    assert account.before.new is None
    assert [period.gone is None for period in account.by_day] == [True] * 4 + [False] * 3


def test_the_period_before_is_told_only_where_all_of_it_is_recorded() -> None:
    assert reported(CAME, first=14 * DAY).before.new == 7
    for account in (reported(CAME, first=14 * DAY - DAY / 24), reported(CAME, keeps=10 * DAY)):
        assert (account.now.new, account.before.new, account.before.gone) == (7, None, None)
        assert account.rules[0].before.new is None


def test_days_of_which_the_journal_was_cleared_are_not_shown_as_idle() -> None:
    sent = [Sent(rule_id="r1", day=day, act=Act.RETRY, end=End.CONFIRMED, count=1) for day in range(14)]
    cleared = reported(sent=sent, keeps_sent=3 * DAY)
    for of in (cleared, cleared.rules[0]):
        assert [period.retried("confirmed") for period in of.by_day] == [None, None, None, None, 1, 1, 1]
        assert (of.now.retried("confirmed"), of.before.retries, of.before.resolves) == (3, None, None)
    assert (cleared.now.new, cleared.before.new) == (0, 0), "recordings are there without it"
    assert reported(sent=sent, keeps_sent=14 * DAY - DAY / 24).before.retries is None
    assert reported(sent=sent, keeps_sent=14 * DAY).before.retried("confirmed") == 7


def test_a_quiet_week_is_told_as_quiet() -> None:
    account = reported()
    assert (account.now, account.before, account.rules) == (Period(), Period(), ())


def test_rules_stand_by_how_busy_they_were_and_no_rule_comes_last() -> None:
    sent = [Sent(rule_id=rule, day=9, act=Act.RETRY, end=End.CONFIRMED, count=n) for rule, n in (("a", 1), ("b", 5))]
    idle = Sent(rule_id="idle", day=2, act=Act.RETRY, end=End.CONFIRMED, count=99)
    arrived = [Arrived(rule_id=rule, day=9, count=n) for rule, n in (("", 99), ("c", 3), (NOT_KNOWN, 7), ("d", 4))]
    account = reported(arrived, sent=[*sent, idle])
    assert [rule.rule_id for rule in account.rules] == ["b", "a", "d", "c", "", NOT_KNOWN]
    assert account.before.retried("confirmed") == 99


def test_what_is_open_is_added_up_and_the_oldest_stands_first() -> None:
    ref = StepRef(account="acme", flow_id="f", step_id="s")
    young = OpenStep(step=ref, count=3, in_flight=1, unmatched=2, oldest_at=NOW - DAY)
    old = OpenStep(step=replace(ref, step_id="t"), count=4, in_flight=2, oldest_at=NOW - LONG, expiring=4)
    ageless = OpenStep(step=replace(ref, step_id="a"), count=1)
    account = reported(open_steps=[ageless, young, old])
    assert (account.open, account.in_flight, account.unmatched) == (8, 3, 2)
    assert (account.oldest, account.expiring) == (old, (old,))
    assert reported(open_steps=[ageless]).oldest is None


def test_what_the_platform_deletes_within_three_days_is_what_is_27_days_old() -> None:
    assert WEEK.expiring_before == NOW - timedelta(days=27)


def test_all_accounts_together_are_compared_only_where_each_of_them_is() -> None:
    one, other = reported(CAME), replace(reported(CAME, keeps=10 * DAY), name="globex")
    assert Report(window=WEEK, accounts=(one, one)).before.new == 14
    assert Report(window=WEEK, accounts=(one, other)).before.new is None
    assert Report(window=WEEK, accounts=(one, other)).now.new == 14
