"""Work on many steps at once: a few at a time, and one bad step stops no other (P13)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from daemon.core.exceptions import FlowmendError, ProtocolError, RefusedError, TemporaryError
from daemon.core.records import StepRef
from daemon.core.tally import Tally
from daemon.pipeline.survey import StepWork, token_refused

T = TypeVar("T", StepWork, StepRef)


async def each_step(
    items: Sequence[T],
    do: Callable[[T], Awaitable[None]],
    *,
    at_once: int,
    tally: Tally,
    log: FilteringBoundLogger,
) -> list[T]:
    """Do *do* for each item, *at_once* at a time; return those that failed.

    Raises:
        AuthError: the token was refused; the account must stop.
        StoreError: the store failed; everything must stop.
    """
    failed: list[T] = []
    gate = asyncio.Semaphore(at_once)
    stop = asyncio.Event()

    async def one(item: T) -> None:
        async with gate:
            if stop.is_set():
                return
            try:
                await do(item)
            except FlowmendError as error:
                if not isinstance(error, TemporaryError | ProtocolError | RefusedError) or token_refused(error):
                    stop.set()
                    raise
                failed.append(item)
                tally.steps_failed += 1
                ref = item.step.ref if isinstance(item, StepWork) else item
                log.warning("step.failed", flow_id=ref.flow_id, step_id=ref.step_id, reason=str(error))

    ends = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    for end in ends:  # only now: what the others had in flight has been journalled
        if isinstance(end, BaseException):
            raise end
    return failed
