"""The store in a database: opening it, and all of its methods in one class."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from daemon.core.exceptions import ConfigError, StoreError, StoreLostError
from daemon.store import sqlite
from daemon.store.breakers import BreakerRows
from daemon.store.cases import CaseRows
from daemon.store.catalogue import CatalogueRows
from daemon.store.due import DueRows
from daemon.store.files import Files, check_log, is_there
from daemon.store.forgetting import ForgettingRows
from daemon.store.histories import HistoryRows
from daemon.store.incidents import IncidentRows
from daemon.store.journal import JournalRows
from daemon.store.leases import LeaseRows
from daemon.store.notices import NoticeRows
from daemon.store.pauses import PauseRows
from daemon.store.people import PeopleRows
from daemon.store.planning import PlanRows
from daemon.store.reading import ReadingRows
from daemon.store.recordings import RecordingRows
from daemon.store.reporting import ReportRows
from daemon.store.rulesets import RuleSetRows
from daemon.store.schema import HEAD, version_of
from daemon.store.scratch import SCRATCH
from daemon.store.shared import SharedRows
from daemon.store.space import SpaceRows
from daemon.store.trace_keys import TraceKeyRows
from daemon.store.transactions import in_thread, reads
from daemon.store.unknown import UnknownRows
from daemon.store.upgrade import WAIT_S, Upgraded, bring_forward


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqlStore(
    CatalogueRows,
    ReadingRows,
    CaseRows,
    DueRows,
    PlanRows,
    JournalRows,
    LeaseRows,
    UnknownRows,
    PauseRows,
    SharedRows,
    PeopleRows,
    HistoryRows,
    RuleSetRows,
    BreakerRows,
    RecordingRows,
    IncidentRows,
    ReportRows,
    NoticeRows,
    TraceKeyRows,
    ForgettingRows,
    SpaceRows,
):
    """The store in a database; `open_store` makes it, and says in *upgraded* whether it brought it forward."""

    upgraded: Upgraded | None = None

    @reads
    def schema_version(self, connection: Connection) -> str:
        """Return the version of the database's schema."""
        return version_of(connection)


@asynccontextmanager
async def open_store(
    url: str, *, now: Callable[[], datetime] = _utc_now, busy_timeout_s: float = 5.0
) -> AsyncIterator[SqlStore]:
    """Open the store at *url*, brought to the present schema, and close it at the end.

    ``sqlite:///relative/path`` or ``sqlite:////absolute/path``; the file and its folder are made where they are not
    there. ``sqlite://`` lives in memory. *now* dates when an error was first seen and held: give it the pipeline's
    clock, whose moments it is compared with.

    Raises:
        ConfigError: the URL cannot be used.
        StoreError: the file cannot be opened, read or written, is not a database, or is of a newer version.
    """
    where = _parse(url)
    file = where.database or "in memory"
    if where.database:
        _make_file(Path(where.database))
    engine = sqlite.make_engine(where, busy_timeout_s=busy_timeout_s)
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    try:
        store = SqlStore(await in_thread(thread, lambda: _connect(engine)), thread, file=file, clock=now)
        try:
            if await store.schema_version() != HEAD:
                store.upgraded = await _upgrade(store, sqlite.place(where), file, now())
            if where.database:
                store.trust.files = Files.of(Path(where.database))
            yield store
        finally:
            await store.close()
    except SQLAlchemyError as error:
        raise StoreError(sqlite.explain(error, file)) from error
    finally:
        await in_thread(thread, engine.dispose)
        thread.shutdown()


def file_of(url: str) -> Path | None:
    """Return the file of the store at *url*, None where it lives in memory.

    Raises:
        ConfigError: the URL cannot be used.
    """
    return sqlite.place(_parse(url))


def _parse(url: str) -> URL:
    try:
        where = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"store.url {url!r} is not a URL: write sqlite:////absolute/path/of/the/file") from error
    if where.drivername != "sqlite":
        raise ConfigError(f"store.url names a database of the kind {where.drivername!r}: only sqlite can be used")
    return where


def _make_file(file: Path) -> None:
    """Make the file and its folder; nobody else may read it, since patches keep what records held."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not is_there(file):
            file.touch(mode=0o600)
        check_log(file)
    except OSError as error:
        raise StoreError(
            f"the store {file} cannot be made or read: {error.strerror}. Give the user of the service a folder that it "
            "may write to, or name another with store.url"
        ) from error


def _connect(engine: Engine) -> Connection:
    with ExitStack() as undo:
        connection = undo.enter_context(engine.connect())
        sqlite.prepare(connection)
        for table in SCRATCH.sorted_tables:
            connection.execute(CreateTable(table))
        connection.rollback()
        undo.pop_all()
    return connection


async def _upgrade(store: SqlStore, place: Path | None, file: str, now: datetime) -> Upgraded | None:
    """Bring the store forward; where that fails it is as it was, and so the copy of it is taken away again."""
    copies: list[Path] = []
    wait_s = await store.transact(lambda inner: sqlite.set_patience(inner, WAIT_S), write=False, durable=False)
    try:
        return await store.transact(
            lambda inner: bring_forward(inner, place, file, now, copies.append), write=True, durable=True
        )
    except StoreLostError:  # nobody knows what is in it
        raise
    except StoreError:  # a service that is started again and again must not fill the disk
        for copy in copies:
            copy.unlink()
        raise
    finally:
        await store.transact(lambda inner: sqlite.set_patience(inner, wait_s), write=False, durable=False)
