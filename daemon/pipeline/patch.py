"""Patch: change the retry data of errors before they are retried, whole or not at all (P14).

Read, let the rule change a copy, write the intent (in `act`), read again, and only where nothing changed in between
put the whole envelope back. A record that a rule has changed already is not changed by it a second time, also where it
failed again and came back under another key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.core.actions import Hold
from daemon.core.cases import CaseHistory, case_key, former_key, needs_digest
from daemon.core.decisions import Decision, Match, Verb
from daemon.core.exceptions import (
    AuthError,
    ProtocolError,
    RefusedError,
    TemporaryError,
    UnknownResultError,
    WritesStoppedError,
)
from daemon.core.facts import PatchRefused
from daemon.core.records import RetryData, Step, StepRef
from daemon.pipeline.judge import Judgement
from daemon.pipeline.survey import token_refused
from daemon.pipeline.terms import Rules

MADE_ONE = "patched, it would be the same as a record that has been retried already; this would run that one twice"

STOPPED = "stopped"
"""The reason of what was not written because writing was stopped meanwhile; it is due again at once."""


class RetryDataWriter(Protocol):
    """The client calls around retry data."""

    async def retry_data(self, ref: StepRef, retry_key: str) -> RetryData:
        """Read the retry data of one error."""

    def parse(self, retry_key: str, envelope: bytes) -> RetryData:
        """Read an envelope that the journal kept."""

    def rewrite(self, before: RetryData, data: object) -> RetryData:
        """Return *before* with only its ``data`` replaced; everything else byte for byte."""

    async def put_retry_data(self, ref: StepRef, after: RetryData) -> None:
        """Write the whole envelope back."""


class PatchHistory(Protocol):
    """What patching asks the store."""

    async def last_patches(self, ref: StepRef, retry_keys: Sequence[str], *, rule_id: str) -> Mapping[str, bytes]:
        """Return the envelope that we last wrote for the rule under each retry data key that it patched."""

    async def last_patches_of_cases(
        self, ref: StepRef, case_keys: Sequence[str], *, rule_id: str
    ) -> Mapping[str, bytes]:
        """Return the envelope that we last wrote for the rule on each case that it patched, under whatever key."""

    async def case_histories(
        self, ref: StepRef, keys: Sequence[str], now: datetime
    ) -> Mapping[str, tuple[str, CaseHistory]]:
        """Return for each key that is known the case's own key and its history as of *now*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """One record's retry data before and after its rule's patch; *done* where we had written it before.

    *name* is the case key under which a record that is named by its data would come back, "" for any other.
    """

    before: RetryData
    after: RetryData
    name: str
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patcher:
    """Prepare and write the patches of one account."""

    rules: Rules
    client: RetryDataWriter
    store: PatchHistory

    async def prepare(
        self, step: Step, rule_id: str, fit: Sequence[Judgement], now: datetime
    ) -> tuple[dict[str, Rewritten], list[Judgement]]:
        """Return by error id what to write, and those that cannot be patched as judgements that hold them."""
        keys, cases = [each.record.retry_key for each in fit], [each.case_key for each in fit]
        by_key = await self.store.last_patches(step.ref, keys, rule_id=rule_id)
        by_case = await self.store.last_patches_of_cases(step.ref, cases, rule_id=rule_id)
        rewritten: dict[str, Rewritten] = {}
        held: list[Judgement] = []
        for each in fit:
            ours = by_key.get(each.record.retry_key) or by_case.get(each.case_key)
            made = await self._rewrite(step.ref, each, ours)
            if (
                isinstance(made, Rewritten)
                and each.match is not None
                and await self._is_tried(step.ref, each, made, now)
            ):
                held.append(_held(each, each.match, "superseded", MADE_ONE))
            elif isinstance(made, Rewritten):
                rewritten[each.record.error_id] = made
            else:
                held.append(made)
        return rewritten, held

    async def _is_tried(self, ref: StepRef, judgement: Judgement, made: Rewritten, now: datetime) -> bool:
        """Tell whether the patch makes the record one that was tried under another case, as far as data tells records."""
        name, former = made.name, former_key(made.name)
        if name in ("", judgement.case_key):
            return False
        found = await self.store.case_histories(ref, [key for key in (name, former) if key], now)
        root, case = found[name]
        return root != judgement.case_key and case.attempts > (found[former][1].attempts if former else 0)

    async def _rewrite(self, ref: StepRef, judgement: Judgement, ours: bytes | None) -> Rewritten | Judgement:
        """Read one record's data and let its rule change a copy; *ours* is what the rule last made of it, if ever."""
        record, match = judgement.record, judgement.match
        if match is None:
            return judgement
        try:
            data = await self.client.retry_data(ref, record.retry_key)
            if judgement.data is not None and judgement.data.digest != data.digest:
                return _held(judgement, match, "data-changed", "its retry data changed while it was being judged")
            if ours is not None and self.client.parse(record.retry_key, ours).data_digest == data.data_digest:
                return Rewritten(before=data, after=data, done=True, name=name_after(judgement, data))
            answer = self.rules.patch(match, record, data.data)
            if isinstance(answer, PatchRefused):
                return _held(judgement, match, answer.reason, answer.detail)
            after = self.client.rewrite(data, answer.data)
            return Rewritten(before=data, after=after, name=name_after(judgement, after))
        except (RefusedError, ProtocolError) as refused:
            if token_refused(refused):
                raise
            return _held(judgement, match, "no-retry-data", f"its retry data cannot be used: {refused}")

    async def write(self, step: Step, rewritten: Mapping[str, Rewritten]) -> dict[str, str]:
        """Write what `prepare` made, and return by error id the reason of each that was not written.

        Raises:
            AuthError: the token was refused; nothing more can be written.
        """
        failed: dict[str, str] = {}
        for error_id, each in rewritten.items():
            reason = "" if each.done else await self._put(step.ref, each)
            if reason:
                failed[error_id] = reason
        return failed

    async def _put(self, ref: StepRef, each: Rewritten) -> str:
        try:
            now = await self.client.retry_data(ref, each.before.retry_key)
            if now.digest != each.before.digest:
                return "data-changed"
            await self.client.put_retry_data(ref, each.after)
        except AuthError:
            raise
        except (RefusedError, ProtocolError):
            return "patch-refused"
        except WritesStoppedError:
            return STOPPED
        except TemporaryError:
            return "unreachable"
        except UnknownResultError:
            return await self._look(ref, each)
        return ""

    async def _look(self, ref: StepRef, each: Rewritten) -> str:
        """See whether a PUT whose answer was lost has happened; reading tells, so nothing is sent twice."""
        try:
            now = await self.client.retry_data(ref, each.before.retry_key)
        except AuthError:
            raise
        except (TemporaryError, RefusedError, ProtocolError):
            return "patch-unknown"
        return "" if now.digest == each.after.digest else "patch-not-written"


def name_after(judgement: Judgement, data: RetryData) -> str:
    """Return the case key under which a record that is named by its data would come back with *data*, or ""."""
    record, shared = judgement.record, judgement.shared
    return case_key(record, data.data_digest, shared=shared) if needs_digest(record, shared=shared) else ""


def _held(judgement: Judgement, match: Match, reason: str, detail: str) -> Judgement:
    rule = match.rule
    decision = Decision(
        verb=Verb.HOLD,
        reason=reason,
        detail=detail,
        rule=rule,
        mode=judgement.decision.mode,
        hold=Hold(queue=reason, title=f"{rule.id}: {detail}"),
    )
    return judgement._replace(decision=decision)
