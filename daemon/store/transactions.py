"""One connection, one transaction at a time; each method of the store is one of them.

A method is written as a plain function of a connection and marked `reads`, `writes` or `writes_soon`; callers await it
without the connection. It runs in the store's own thread, whole or not at all, also where its caller is cancelled
meanwhile: one way there and back for each transaction, not for each statement. Durable ones that wait at the same time
wait for the disk together.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import update_wrapper
from threading import Event
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from daemon.core.exceptions import FlowmendError, StoreError, StoreLostError
from daemon.store import sqlite
from daemon.store.fence import Fence
from daemon.store.files import Trust
from daemon.store.numbers import forget_numbers

IN_A_HURRY_S = 0.1
"""How long a process that has to end waits for another that writes: longer than a usual transaction takes."""

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D", bound="Database")

Method = Callable[Concatenate[D, Connection, P], R]
Awaited = Callable[Concatenate[D, P], Coroutine[Any, Any, R]]


@dataclass(slots=True, eq=False, kw_only=True)
class _Asked(Generic[R]):
    """One transaction that was asked for, and what came of it: its *answer*, or why it was *refused*."""

    work: Callable[[Connection], R]
    write: bool
    durable: bool
    fence: Fence | None
    ended: bool = False
    answer: R | None = None
    refused: FlowmendError | None = None

    def do(self, connection: Connection) -> None:
        """Do it in the transaction that *connection* is in; perhaps not for the first time, since a commit may fail."""
        self.refused = None
        if self.write and self.fence is not None:
            self.fence.check(connection)
        self.answer = self.work(connection)

    def do_apart(self, connection: Connection) -> None:
        """Do it beside others: where it is refused nothing of it is kept, and all of theirs."""
        try:
            with connection.begin_nested():
                self.do(connection)
        except FlowmendError as refused:
            self.refused = refused
            forget_numbers(connection)


class Database:
    """The open database; *clock* dates what people are shown, *file* names it in messages.

    *connection* is used in the one thread of *thread* only. *trust* tells whether what is written will be read again; where it will not, nothing is written any more.
    """

    def __init__(self, connection: Connection, thread: Executor, *, file: str, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._thread = thread
        self._file = file
        self._clock = clock
        self._lock = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._waiting: list[_Asked[Any]] = []
        self._hurry = Event()
        self.trust = Trust()
        self.fence: Fence | None = None

    def behind(self, fence: Fence) -> Self:
        """Return the same store with *fence* around it: what is written through it needs the lease (P12)."""
        fenced = copy(self)
        fenced.fence = fence
        return fenced

    async def transact(self, work: Callable[[Connection], R], *, write: bool, durable: bool) -> R:
        """Do *work* in one transaction; a caller that is cancelled leaves it to end by itself.

        Raises:
            StoreError: nothing of it was kept.
            LockLostError: likewise, because of the fence.
            StoreLostError: nor would anything else be; what was kept is not where anybody will look for it.
        """
        asked = _Asked(work=work, write=write, durable=durable, fence=self.fence)
        in_turn = asyncio.create_task(self._in_turn(asked))
        self._under_way.add(in_turn)
        in_turn.add_done_callback(self._ended)
        await asyncio.shield(in_turn)
        if asked.refused is not None:
            raise asked.refused
        return asked.answer  # type: ignore[return-value] # it has ended, so this is what its work returned

    def _ended(self, in_turn: "asyncio.Task[Any]") -> None:
        self._under_way.discard(in_turn)
        if not in_turn.cancelled():
            in_turn.exception()  # its caller has heard of it, unless it was cancelled: then nobody is to be told

    def hurry(self) -> None:
        """Wait no more for other processes that write: this one has to end, and what waits would wait in turn."""
        self._hurry.set()

    async def _in_turn(self, asked: _Asked[Any]) -> None:
        self._waiting.append(asked)
        try:
            async with self._lock:
                if not asked.ended:
                    await self._commit(asked)
        finally:
            self._waiting.remove(asked)

    async def _commit(self, asked: _Asked[Any]) -> None:
        """Do one transaction, and with a durable one all that are waiting: one sync is enough for them.

        Where that fails nothing of it is kept, and the others are done in their own turn.
        """
        together = [each for each in self._waiting if each.durable and not each.ended] if asked.durable else [asked]
        if asked.write:
            self.trust.check()
        try:
            await in_thread(self._thread, lambda: self._run(together))
        except (SQLAlchemyError, sqlite3.Error) as error:
            said = sqlite.explain(error, self._file)
            if not sqlite.lost(error):
                raise StoreError(said) from error
            self.trust.lost = said
            raise StoreLostError(said) from error
        if asked.durable:  # what was written to a file that is not there any more is forgotten (P11)
            self.trust.check()
        for each in together:
            each.ended = True

    def _run(self, together: Sequence[_Asked[Any]]) -> None:
        first, connection = together[0], self._connection
        wait_s = IN_A_HURRY_S if self._hurry.is_set() else None
        sqlite.set_begin(connection, write=first.write, durable=first.durable, wait_s=wait_s)
        with ExitStack() as undone:
            undone.callback(forget_numbers, connection)  # nor does a commit that fails leave any number given
            with connection.begin():
                if len(together) == 1:
                    first.do(connection)
                else:
                    for each in together:
                        each.do_apart(connection)
            undone.pop_all()

    async def close(self) -> None:
        """Close the connection once all transactions that were asked for have ended, also those without a caller."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        async with self._lock:
            await in_thread(self._thread, self._connection.close)


async def in_thread(thread: Executor, work: Callable[[], R]) -> R:
    """Do *work* in a thread of *thread* and return what it returned."""
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def reads(method: Method[D, P, R]) -> Awaited[D, P, R]:
    """Mark a method that changes nothing."""
    return _transaction(method, write=False, durable=False)


def writes(method: Method[D, P, R]) -> Awaited[D, P, R]:
    """Mark a method whose changes are on disk when it returns."""
    return _transaction(method, write=True, durable=True)


def writes_soon(method: Method[D, P, R]) -> Awaited[D, P, R]:
    """Mark a method whose changes a power cut may take: another look at the platform would bring them back."""
    return _transaction(method, write=True, durable=False)


def _transaction(method: Method[D, P, R], *, write: bool, durable: bool) -> Awaited[D, P, R]:
    async def run(self: D, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.transact(
            lambda connection: method(self, connection, *args, **kwargs), write=write, durable=durable
        )

    update_wrapper(run, method)
    return run
