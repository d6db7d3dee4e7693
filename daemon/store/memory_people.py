"""The store without a database: what people ask, rule sets and notes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from daemon.core.cases import is_cut
from daemon.core.decisions import LEFT_ALONE, Outcome, Verb
from daemon.core.records import StepRef
from daemon.core.rows import CaseEvent, ErrorRow, HeldRow, RulesRow, WriteRow
from daemon.store.columns import EPOCH
from daemon.store.memory_plans import MemoryPlans
from daemon.store.memory_rows import Entry, Row


class MemoryPeople(MemoryPlans):
    """Questions of people, rule sets and notes."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        super().__init__(now=now)
        self.loads: list[RulesRow] = []
        self.files: dict[str, list[tuple[str, bytes]]] = {}
        self.notes: dict[str, str] = {}

    async def errors(  # noqa: PLR0913 as many filters as people ask for
        self,
        account: str | None = None,
        *,
        flow: str | None = None,
        step: str | None = None,
        rule: str | None = None,
        error_id: str | None = None,
        verb: Verb | None = None,
        held: bool | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[ErrorRow]:
        """Return stored errors, those that occurred last first; None asks for any."""
        found = [
            _error_row(ref, row)
            for ref, row in self.of(account)
            if flow in (None, ref.flow_id)
            and step in (None, ref.step_id)
            and rule in (None, row.judged.rule_id)
            and error_id in (None, row.judged.error_id)
            and verb in (None, row.judged.verb)
            and held in (None, row.held_at is not None)
        ]
        found.sort(key=lambda one: (EPOCH - (one.occurred_at or EPOCH), one.step, one.error_id))
        return found[offset : offset + limit]

    async def error_counts(self, account: str, reason: str | None = None) -> dict[tuple[Verb, str, str], int]:
        """Return how many errors are stored, by verb, rule id and reason."""
        found = (row.judged for _, row in self.of(account) if reason is None or row.judged.reason == reason)
        return dict(Counter((judged.verb, judged.rule_id, judged.reason) for judged in found))

    async def open_count(self, account: str) -> int:
        """Return how many errors are open and not in flight."""
        return sum(row.batch_id is None for _, row in self.of(account))

    async def unmatched_count(self, account: str) -> int:
        """Return how many errors are stored that no rule matched."""
        return sum(row.judged.verb is Verb.NONE for _, row in self.of(account))

    async def open_between(self, account: str, since: datetime, until: datetime) -> int:
        """Return how many open errors occurred from *since* until before *until*, without those that a rule leaves alone."""
        return sum(
            row.batch_id is None
            and (row.judged.verb, row.judged.reason) != (Verb.LEAVE, LEFT_ALONE)
            and row.judged.occurred_at is not None
            and since <= row.judged.occurred_at < until
            for _, row in self.of(account)
        )

    async def held_counts(self, account: str) -> dict[str, int]:
        """Return how many errors wait for people, by queue."""
        return dict(Counter(row.queue for row in await self.held(account)))

    async def held(self, account: str | None = None, queue: str | None = None) -> list[HeldRow]:
        """Return the errors that wait for people, those held longest first."""
        found = [
            HeldRow(
                step=ref,
                error_id=row.judged.error_id,
                queue=hold.queue,
                title=hold.title,
                edit=hold.edit,
                rule_id=row.judged.rule_id,
                reason=row.judged.reason,
                detail=row.judged.detail,
                held_at=row.held_at,
                code=row.judged.code,
                case_key=row.judged.case_key,
            )
            for ref, row in self.of(account)
            if (hold := row.judged.hold) is not None and row.held_at is not None and queue in (None, hold.queue)
        ]
        return sorted(found, key=lambda one: (one.held_at, one.step, one.error_id))

    async def writes(self, account: str | None = None, limit: int = 100) -> list[WriteRow]:
        """Return the newest entries of the journal, newest first."""
        entries = [each for each in self.entries.values() if account in (None, each.written.batch.step.account)]
        return [_write_row(entry) for entry in reversed(entries)][:limit]

    async def case_events(self, account: str | None, trace_key: str) -> list[CaseEvent]:
        """Return what happened to a business record, in the order of time, up to its errors that are open now."""
        names = self.names_of(trace_key)
        events = [event for event in self._events(names) if account in (None, event.step.account)]
        return sorted(events, key=lambda event: event.at)

    def names_of(self, trace_key: str) -> set[str]:
        """Return every case key that the record may go by."""
        names = {trace_key, f"t:{trace_key}"}
        if is_cut(trace_key) or any(key == trace_key for _, key in self.shared):
            keys = [row.judged.case_key for _, row in self.of(None)]
            keys += [item.root for entry in self.entries.values() for item in entry.items.values()]
            names |= {key for key in keys if key.startswith("c:") and key.endswith(f":{trace_key}")}
        known = self.aliases.items()
        roots = {root for (_, alias), root in known if alias in names or root in names}
        return names | roots | {alias for (_, alias), root in known if root in roots}

    def _events(self, names: set[str]) -> Iterator[CaseEvent]:
        for entry in self.entries.values():
            written, step, rule = entry.written, entry.written.batch.step, entry.written.batch.rule_id
            said = [f"write {written.batch_id}", written.state.value, written.job_id and f"job {written.job_id}"]
            detail = ", ".join(filter(None, [*said, written.reason]))
            at, act = written.intended_at, written.batch.act.value
            for error_id, item in entry.items.items():
                if item.root not in names:
                    continue
                if item.patch:
                    yield CaseEvent(at=at, step=step, error_id=error_id, what="patch", rule_id=rule, detail=item.patch)
                yield CaseEvent(at=at, step=step, error_id=error_id, what=act, rule_id=rule, detail=detail)
                if item.outcome is not None and item.settled_at is not None:
                    yield CaseEvent(
                        at=item.settled_at,
                        step=step,
                        error_id=error_id,
                        what="outcome",
                        rule_id=rule,
                        detail=item.why,
                        outcome=item.outcome,
                        by=item.settled_by,
                    )
        for (step, error_id), (root, seen_at) in self.others.items():
            if root in names:
                yield CaseEvent(at=seen_at, step=step, error_id=error_id, what="retried elsewhere")
        for step, row in self.of(None):
            judged = row.judged
            if judged.case_key in names:
                yield CaseEvent(
                    at=row.first_seen_at,
                    step=step,
                    error_id=judged.error_id,
                    what="open",
                    rule_id=judged.rule_id,
                    detail=f"{judged.verb.value}, {judged.reason}",
                )

    async def save_rules(self, version: str, files: Sequence[tuple[str, bytes]], at: datetime) -> None:
        """Keep the files of a rule set that was loaded whole at *at*, as (path, content) in their order."""
        self.loads.append(RulesRow(version=version, loaded_at=at, files=len(files)))
        self.files[version] = list(files)

    async def last_rules(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        """Return version and files of the rule set that was loaded last, None where none ever was."""
        return (self.loads[-1].version, list(self.files[self.loads[-1].version])) if self.loads else None

    async def rules_history(self, limit: int) -> list[RulesRow]:
        """Return the newest loads, newest first."""
        return self.loads[::-1][:limit]

    async def get_meta(self, key: str) -> str | None:
        """Return one note, None where there is none."""
        return self.notes.get(key)

    async def set_meta(self, key: str, value: str) -> None:
        """Keep one note."""
        self.notes[key] = value

    async def set_meta_soon(self, key: str, value: str) -> None:
        """Keep one note."""
        self.notes[key] = value

    async def drop_meta(self, key: str) -> str | None:
        """Forget one note and return what it said, None where there was none."""
        return self.notes.pop(key, None)


def _error_row(ref: StepRef, row: Row) -> ErrorRow:
    judged = row.judged
    return ErrorRow(
        step=ref,
        error_id=judged.error_id,
        case_key=judged.case_key,
        code=judged.code,
        verb=judged.verb,
        rule_id=judged.rule_id,
        reason=judged.reason,
        detail=judged.detail,
        occurred_at=judged.occurred_at,
        due_at=row.due_at,
        in_flight=row.batch_id is not None,
        first_seen_at=row.first_seen_at,
    )


def _write_row(entry: Entry) -> WriteRow:
    written, batch = entry.written, entry.written.batch
    outcomes = Counter(item.outcome for item in entry.items.values())
    return WriteRow(
        batch_id=written.batch_id,
        step=batch.step,
        act=batch.act,
        rule_id=batch.rule_id,
        rules=batch.rules,
        plan_id=batch.plan_id,
        state=written.state,
        intended_at=written.intended_at,
        job_id=written.job_id,
        reason=written.reason,
        sent=len(entry.items) + entry.forgotten,
        outcomes={outcome: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
    )
