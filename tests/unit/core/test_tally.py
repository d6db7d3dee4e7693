"""The figures of a cycle."""

from collections import Counter

from daemon.core.tally import COUNTS, PER_RULE, Tally


def test_a_count_goes_to_the_account_and_to_its_rule() -> None:
    tally = Tally()
    tally.add("retried", 3, rule_id="r1")
    tally.add("retried", rule_id="r2")
    tally.add("new", 4)
    assert tally.counts == Counter(retried=4, new=4)
    assert tally.rules == {"r1": Counter(retried=3), "r2": Counter(retried=1)}


def test_nothing_counted_leaves_no_trace() -> None:
    tally = Tally()
    tally.add("held", 0, rule_id="r1")
    assert tally == Tally()


def test_a_later_pass_is_added_and_its_lag_is_the_one_that_counts() -> None:
    tally = Tally(
        counts=Counter(new=2),
        rules={"r1": Counter(retried=1)},
        skipped=Counter(limit=1),
        dropped=Counter(gone=1),
        steps_read=1,
        steps_failed=2,
        batches_sent=3,
        settled=4,
        lag_s=9.0,
    )
    later = Tally(
        counts=Counter(new=1, held=1),
        rules={"r1": Counter(retried=2), "r2": Counter(held=1)},
        skipped=Counter(limit=2, ramp=1),
        dropped=Counter(changed=1),
        steps_read=10,
        steps_failed=20,
        batches_sent=30,
        settled=40,
        lag_s=1.5,
    )
    tally.merge(later)
    assert tally == Tally(
        counts=Counter(new=3, held=1),
        rules={"r1": Counter(retried=3), "r2": Counter(held=1)},
        skipped=Counter(limit=3, ramp=1),
        dropped=Counter(gone=1, changed=1),
        steps_read=11,
        steps_failed=22,
        batches_sent=33,
        settled=44,
        lag_s=1.5,
    )


def test_adding_up_does_not_tie_two_passes_together() -> None:
    tally, later = Tally(), Tally(rules={"r1": Counter(held=1)})
    tally.merge(later)
    tally.add("held", rule_id="r1")
    assert later.rules == {"r1": Counter(held=1)}


def test_every_count_of_a_rule_is_one_of_the_account() -> None:
    assert set(PER_RULE) <= set(COUNTS)
    assert len(set(COUNTS)) == len(COUNTS)
