"""Many cycles of reading against a platform whose list moves (P5)."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.records import Mark
from daemon.core.windows import (
    NEVER_READ,
    SWEEP_DUE,
    Polling,
    StepProgress,
    Window,
    mark_after,
    next_window,
    read_reason,
)
from tests.makers import NOW

POLLING = Polling(
    overlap=timedelta(minutes=5),
    settle=timedelta(seconds=5),
    lookback=timedelta(days=30),
    full_sweep=timedelta(minutes=20),
)

INTERVAL_S = 60
SWEEP_S = int(POLLING.full_sweep.total_seconds())
CYCLES = 50


@dataclass
class Trouble:
    """One error of the platform; all times in seconds since the first cycle.

    It occurs, is counted by the summary, is listed, and leaves (None: never) because of others, or some time after it
    was stored, because of us (*acted*). *dropped*: we notice at a second look that it left.
    """

    occurred: int
    counted: int
    listed: int
    leaves: int | None = None
    acted: bool = False
    dropped: bool = False
    settled: int | None = None


def at(second: float) -> datetime:
    return NOW + timedelta(seconds=second)


@dataclass
class Play:
    """A platform's one step, and the least of a store and a collector that reads it every minute."""

    troubles: list[Trouble]
    dated: bool = True
    """Whether the summary says when the newest error occurred."""
    new_rules_at: int = 10**9
    progress: StepProgress = NEVER_READ
    stored: set[int] = field(default_factory=set)
    flying: set[int] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)

    def open(self, number: int, second: int) -> bool:
        leaves = self.troubles[number].leaves
        return leaves is None or second < leaves

    def summary(self, second: int) -> Mark:
        counted = [
            one for number, one in enumerate(self.troubles) if one.counted <= second and self.open(number, second)
        ]
        newest = max((one.occurred for one in counted), default=None) if self.dated else None
        return Mark(num_error=len(counted), last_error_at=None if newest is None else at(newest))

    def listed(self, window: Window, second: int) -> set[int]:
        return {
            number
            for number, one in enumerate(self.troubles)
            if one.listed <= second
            and self.open(number, second)
            and (window.since is None or window.since <= at(one.occurred))
            and (window.until is None or at(one.occurred) <= window.until)
        }

    def cycle(self, second: int) -> None:
        rules = "rules@2" if second >= self.new_rules_at else "rules@1"
        self._settle(second)
        counted = self.summary(second)
        now, before = at(second), replace(self.progress, open=len(self.stored), in_flight=len(self.flying))
        reason = read_reason(before, counted, rules=rules, now=now, polling=POLLING)
        self.reasons.append(reason)
        if reason:
            window = next_window(before, counted, rules=rules, now=now, polling=POLLING)
            shown = self.listed(window, second) - self.flying
            self.stored = shown if window.full else self.stored | shown
            first = before.watermark_at is None
            whole = window.full or (first and len(self.stored) == counted.num_error)
            self.progress = StepProgress(
                mark=mark_after(counted, open_now=len(self.stored), in_flight=len(self.flying), window=window),
                watermark_at=max(window.until or now, before.watermark_at or window.until or now),
                swept_at=now if whole else before.swept_at,
                judged_with=rules if first or window.full else before.judged_with,
            )
        self._act(second)

    def _act(self, second: int) -> None:
        """Send what is to be acted on, and forget what a second look does not find."""
        for number in sorted(self.stored):
            one = self.troubles[number]
            if one.dropped and not self.open(number, second):
                self.stored.remove(number)
            elif one.acted:
                self.stored.remove(number)
                self.flying.add(number)
                one.settled = second + 3 * INTERVAL_S
                if self.open(number, second):
                    one.leaves = second + INTERVAL_S // 2

    def _settle(self, second: int) -> None:
        self.flying = {number for number in self.flying if second < (self.troubles[number].settled or 0)}

    def missing(self, second: int, *, for_s: int) -> list[Trouble]:
        """Return what is open, could have been read for *for_s* seconds, and is not stored."""
        known = self.stored | self.flying
        return [
            one
            for number, one in enumerate(self.troubles)
            if number not in known and max(one.listed, 0) <= second - for_s and self.open(number, second)
        ]

    def ghosts(self, second: int, *, for_s: int) -> list[Trouble]:
        """Return what is stored although it left *for_s* seconds ago."""
        return [self.troubles[number] for number in self.stored if not self.open(number, second - for_s)]


SECONDS = st.integers(-600, 25 * INTERVAL_S)
LONG_AGO = st.sampled_from([-3000 * 24 * 60, -2000 * 24 * 60, -6000])
LATE = st.one_of(st.just(0), st.just(0), st.integers(0, int(POLLING.overlap.total_seconds())))
YOUNG_FOR = st.integers(0, int(POLLING.settle.total_seconds()))


@st.composite
def troubles(draw: st.DrawFn, *, leaving: bool = False, young: bool = True) -> Trouble:
    """Draw an error that is counted and listed late, or counted at once and listed a moment later."""
    occurred = draw(SECONDS | LONG_AGO)
    counted = occurred + draw(LATE)
    listed = counted
    if young and counted == occurred:
        listed += draw(YOUNG_FOR)
    leaves = listed + draw(st.integers(1, 20 * INTERVAL_S)) if leaving and draw(st.booleans()) else None
    acted, dropped = (draw(st.booleans()), draw(st.booleans())) if leaving else (False, False)
    return Trouble(occurred=occurred, counted=counted, listed=listed, leaves=leaves, acted=acted, dropped=dropped)


def lists_of(each: st.SearchStrategy[Trouble]) -> st.SearchStrategy[list[Trouble]]:
    return st.lists(each, max_size=8)


NEW_RULES_AT = st.sampled_from([10**9, 10**9, 7 * INTERVAL_S, 30 * INTERVAL_S])


def trouble(occurred: int, *, listed: int | None = None, leaves: int | None = None, dropped: bool = False) -> Trouble:
    """Return an error that is counted at once and listed then or later."""
    return Trouble(
        occurred=occurred,
        counted=occurred,
        listed=occurred if listed is None else listed,
        leaves=leaves,
        dropped=dropped,
    )


@given(lists_of(troubles()), NEW_RULES_AT)
@example([trouble(0), trouble(SWEEP_S - 1, listed=SWEEP_S + 1)], 10**9)
def test_what_only_arrives_is_stored_two_cycles_after_it_is_listed(errors: list[Trouble], new_rules_at: int) -> None:
    play = Play(troubles=errors, new_rules_at=new_rules_at)
    for second in range(0, CYCLES * INTERVAL_S, INTERVAL_S):
        play.cycle(second)
        assert play.missing(second, for_s=2 * INTERVAL_S) == []


@given(lists_of(troubles(young=False)), NEW_RULES_AT)
def test_a_summary_without_times_finds_what_arrives_as_well(errors: list[Trouble], new_rules_at: int) -> None:
    play = Play(troubles=errors, dated=False, new_rules_at=new_rules_at)
    for second in range(0, CYCLES * INTERVAL_S, INTERVAL_S):
        play.cycle(second)
        assert play.missing(second, for_s=2 * INTERVAL_S) == []


@given(lists_of(troubles(leaving=True)), st.booleans(), NEW_RULES_AT)
def test_whatever_comes_and_goes_the_next_sweep_knows_at_the_latest(
    errors: list[Trouble], dated: bool, new_rules_at: int
) -> None:
    play = Play(troubles=errors, dated=dated, new_rules_at=new_rules_at)
    for second in range(0, CYCLES * INTERVAL_S, INTERVAL_S):
        play.cycle(second)
        assert play.missing(second, for_s=SWEEP_S + 2 * INTERVAL_S) == []
        assert play.ghosts(second, for_s=SWEEP_S + 2 * INTERVAL_S) == []


@given(lists_of(troubles(leaving=True)), st.booleans())
def test_a_step_is_not_read_again_once_nothing_changes(errors: list[Trouble], dated: bool) -> None:
    """The last thing happens in cycle 60: 25 minutes, an overlap, 20 minutes, acting."""
    play = Play(troubles=errors, dated=dated)
    for second in range(0, 100 * INTERVAL_S, INTERVAL_S):
        play.cycle(second)
    quiet = play.reasons[65:]
    assert set(quiet) <= {"", SWEEP_DUE}
    assert quiet.count(SWEEP_DUE) <= 2


def test_a_backlog_that_does_not_move_is_read_once_and_then_swept() -> None:
    play = Play(troubles=[trouble(-60 * day) for day in range(1, 8)])
    for second in range(0, 42 * INTERVAL_S, INTERVAL_S):
        play.cycle(second)
    assert [(number, reason) for number, reason in enumerate(play.reasons) if reason] == [
        (0, "never read"),
        (20, SWEEP_DUE),
        (40, SWEEP_DUE),
    ]


def test_an_error_too_young_to_be_listed_is_not_lost_behind_the_mark_of_a_full_read() -> None:
    """A quiet step gets its first error in hours, so the sweep is due at the very moment when the list lags behind."""
    play = Play(troubles=[trouble(-60, leaves=90), trouble(3599, listed=3602)])
    for second in range(0, 3600 + 2 * INTERVAL_S, INTERVAL_S):
        play.cycle(second)
    assert play.reasons[-2:] == [SWEEP_DUE, "summary changed"]
    assert play.stored == {1}
    play.cycle(3600 + 2 * INTERVAL_S)
    assert play.reasons[-1] == ""


def test_as_many_new_errors_as_left_are_found_although_the_summary_has_no_time() -> None:
    left = [trouble(-60, leaves=1, dropped=True) for _ in range(5)]
    came = [trouble(30) for _ in range(5)]
    play = Play(troubles=[*left, *came], dated=False)
    play.cycle(0)
    play.stored.clear()  # the second look, right before acting, found all of them gone
    play.cycle(INTERVAL_S)
    assert play.stored == {5, 6, 7, 8, 9}
