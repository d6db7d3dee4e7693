"""What the step and the fields of an error leave possible, worked out once per combination."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from daemon.core.facts import Facts
from daemon.core.records import ErrorRecord, Step
from daemon.rulebook.index import Masks, chosen
from daemon.rulebook.memo import Memo
from daemon.rulebook.program import Program, Verdicts
from daemon.rulebook.subject import READERS, Reader, Stage, Subject

STEPS_KEPT = 8_192
PROFILES_KEPT = 65_536
"""How many answers are kept; at some 300 bytes each 20 MB, where a fleet shows as many combinations."""

Told = tuple[tuple[object, ...], ...]


class Lane:
    """What a step leaves possible; steps that leave the same, and look the same to later questions, share one."""

    __slots__ = ("mask", "told")

    def __init__(self, mask: int, told: Told) -> None:
        self.mask = mask
        self.told = told


class Profile:
    """What a step and the fields of an error leave possible. *verdicts* is set where the message changes nothing."""

    __slots__ = ("mask", "verdicts")

    def __init__(self, mask: int, verdicts: Verdicts | None) -> None:
        self.mask = mask
        self.verdicts = verdicts


class Profiles:
    """The early parts of all programs behind their indexes."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self._by_step = Masks()
        self._by_fields = Masks()
        self._on_message = 0
        self._decided = 0
        for position, program in enumerate(programs):
            self._enter(1 << position, program)
        on_fields = _asked(programs, Stage.FIELDS)
        on_message = _asked(programs, Stage.MESSAGE)
        # What is asked about together with something later is part of what the later answer is kept under.
        self._step_told = _readers(Stage.STEP, on_fields | on_message)
        self._fields_told = _readers(Stage.FIELDS, on_message)
        attributes = sorted(field for field in on_fields | on_message if READERS[field][0] is Stage.FIELDS)
        self._fields_of: Callable[[ErrorRecord], object] = attrgetter(*attributes) if attributes else _no_fields
        self._last: tuple[Step | None, Lane] = (None, Lane(0, ()))
        self._lane_by_step: Memo[Step, Lane] = Memo(STEPS_KEPT)
        self._lanes: Memo[tuple[int, Told], Lane] = Memo(STEPS_KEPT)
        self._profile_by_fields: Memo[tuple[Lane, object], Profile] = Memo(PROFILES_KEPT)
        self._profiles: Memo[tuple[int, Told, Told], Profile] = Memo(PROFILES_KEPT)

    def _enter(self, bit: int, program: Program) -> None:
        for condition, node in program.early:
            (self._by_step if node.stage is Stage.STEP else self._by_fields).add(bit, condition, node)
        if program.message:
            self._on_message |= bit
        elif program.late is None:
            self._decided |= bit

    def of(self, step: Step, record: ErrorRecord, facts: Facts) -> Profile:
        """Return the profile of *record* on *step*; errors of one step should come one after the other."""
        last, lane = self._last
        if last is not step:
            lane = self._lane(Subject(step, record, facts))
            self._last = (step, lane)
        fields = self._fields_of(record)
        profile = self._profile_by_fields[lane, fields]
        if profile is None:
            profile = self._profile(lane, Subject(step, record, facts))
            self._profile_by_fields.put((lane, fields), profile)
        return profile

    def _lane(self, subject: Subject) -> Lane:
        lane = self._lane_by_step[subject.step]
        if lane is None:
            mask = self._by_step.narrow((1 << len(self._programs)) - 1, subject)
            told = tuple(read(subject) for read in self._step_told)
            lane = self._lanes[mask, told]
            if lane is None:
                lane = Lane(mask, told)
                self._lanes.put((mask, told), lane)
            self._lane_by_step.put(subject.step, lane)
        return lane

    def _profile(self, lane: Lane, subject: Subject) -> Profile:
        mask = self._by_fields.narrow(lane.mask, subject)
        decided = mask & self._decided
        if decided:
            # Nothing after the first rule that has nothing left to ask can win.
            mask &= ((decided & -decided) << 1) - 1
        told = tuple(read(subject) for read in self._fields_told)
        profile = self._profiles[mask, lane.told, told]
        if profile is None:
            possible = chosen(self._programs, mask)
            alike = not mask & self._on_message
            profile = Profile(mask, tuple((program, program.constant) for program in possible) if alike else None)
            self._profiles.put((mask, lane.told, told), profile)
        return profile


def _asked(programs: Sequence[Program], stage: Stage) -> set[str]:
    return {field for program in programs for field in program.asked.get(stage, ())}


def _readers(stage: Stage, fields: set[str]) -> list[Reader]:
    return [READERS[field][1] for field in sorted(fields) if READERS[field][0] is stage]


def _no_fields(_record: ErrorRecord) -> object:
    return ()
