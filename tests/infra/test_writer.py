"""Many transactions, one durable commit; each is answered for itself, and only after the commit."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import insert

from miz.infra.db.engine import DatabaseReplacedError
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.writer import Transaction, Writer
from miz.kernel.clock import FakeClock
from miz.kernel.errors import DatabaseUnavailableError, NotFoundError
from tests.infra.conftest import child, line, path_of

T = TypeVar("T")
Work = Callable[[Transaction], Any]


def with_writer(database: PracticeDatabase, story: Callable[[Writer], Awaitable[T]]) -> T:
    async def run() -> T:
        writer = Writer(database, clock=FakeClock())
        writer.start()
        try:
            return await story(writer)
        finally:
            await asyncio.to_thread(writer.stop)

    return asyncio.run(run())


async def as_one_group(writer: Writer, *members: Work) -> list[Any]:
    """Have all `members` wait behind one that is at work, so that they share the next commit."""
    at_work, go_on = threading.Event(), threading.Event()

    def hold(_: Transaction) -> None:
        at_work.set()
        assert go_on.wait(10)

    held = writer.run(hold)
    assert await asyncio.to_thread(at_work.wait, 10)
    answers = [writer.run(member) for member in members]
    go_on.set()
    await held
    return await asyncio.gather(*answers, return_exceptions=True)


def noting(text: str, *, told: list[str] | None = None) -> Work:
    def work(tx: Transaction) -> str:
        tx.connection.execute(insert(line).values(text=text))
        if told is not None:
            tx.after_commit(lambda: told.append(text))
        return text

    return work


def orphan(told: list[str]) -> Work:
    """Breaks a rule that the database looks at when it commits, not before."""

    def work(tx: Transaction) -> None:
        tx.connection.execute(insert(child).values(line_id=4711))
        tx.after_commit(lambda: told.append("orphan"))

    return work


def refusing(told: list[str]) -> Work:
    def work(tx: Transaction) -> None:
        noting("half done", told=told)(tx)
        raise NotFoundError

    return work


def stored(database: PracticeDatabase) -> list[str]:
    return list(database.reader().exec_driver_sql("SELECT text FROM line ORDER BY id").scalars())


def test_a_member_that_raises_is_rolled_back_alone(database: PracticeDatabase) -> None:
    told: list[str] = []

    async def story(writer: Writer) -> list[Any]:
        return await as_one_group(writer, noting("first", told=told), refusing(told), noting("third", told=told))

    first, second, third = with_writer(database, story)
    assert (first, third) == ("first", "third")
    assert isinstance(second, NotFoundError)
    assert stored(database) == told == ["first", "third"]


def test_a_broken_rule_of_the_tables_is_the_members_own(database: PracticeDatabase) -> None:
    async def story(writer: Writer) -> list[Any]:
        return await as_one_group(writer, noting("same"), noting("same"), noting("other"))

    answers = with_writer(database, story)
    assert [type(answer) is str for answer in answers] == [True, False, True]
    assert "IntegrityError" in type(answers[1]).__name__
    assert stored(database) == ["same", "other"]


def test_nobody_is_acknowledged_before_the_shared_commit(database: PracticeDatabase) -> None:
    async def story(writer: Writer) -> None:
        at_work, go_on = threading.Event(), threading.Event()

        def last(_: Transaction) -> None:
            at_work.set()
            assert go_on.wait(10)

        group = asyncio.ensure_future(as_one_group(writer, noting("early", told=acknowledged), last))
        assert await asyncio.to_thread(at_work.wait, 10)
        await asyncio.sleep(0.02)
        assert not group.done()
        assert stored(database) == acknowledged == []
        go_on.set()
        assert await group == ["early", None]
        assert stored(database) == acknowledged == ["early"]

    acknowledged: list[str] = []
    with_writer(database, story)


def test_a_failed_commit_fails_only_its_cause(database: PracticeDatabase) -> None:
    async def story(writer: Writer) -> tuple[list[Any], str]:
        answers = await as_one_group(writer, noting("before", told=told), orphan(told), noting("after", told=told))
        return answers, await writer.run(noting("later", told=told))

    told: list[str] = []

    (before, culprit, after), later = with_writer(database, story)
    assert (before, after, later) == ("before", "after", "later")
    assert isinstance(culprit, DatabaseUnavailableError)
    assert stored(database) == told == ["before", "after", "later"]
    assert database.reader().exec_driver_sql("SELECT count(*) FROM child").scalar() == 0


@pytest.mark.sqlite_only("about the SQLite file itself")
def test_a_full_disk_refuses_what_does_not_fit_and_recovers(database: PracticeDatabase) -> None:
    limit = database.writer_connection.connection.dbapi_connection
    assert limit is not None
    pages = limit.cursor().execute("PRAGMA page_count").fetchone()[0]
    limit.cursor().execute(f"PRAGMA max_page_count={pages + 8}")
    told: list[str] = []

    async def story(writer: Writer) -> None:
        small, large, other = await as_one_group(
            writer, noting("small", told=told), noting("x" * 200_000, told=told), noting("other", told=told)
        )
        assert (small, other) == ("small", "other")
        assert isinstance(large, DatabaseUnavailableError)
        assert stored(database) == told == ["small", "other"]
        await writer.run(lambda tx: tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1_000}").scalar())
        assert len(await writer.run(noting("x" * 200_000))) == 200_000

    with_writer(database, story)
    assert database.reader().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_effects_run_after_the_commit_in_its_order(database: PracticeDatabase) -> None:
    told: list[str] = []
    seen: list[list[str]] = []

    async def story(writer: Writer) -> None:
        def looking(tx: Transaction) -> None:
            noting("b", told=told)(tx)
            tx.after_commit(lambda: seen.append(stored(database)))

        await as_one_group(writer, noting("a", told=told), looking, noting("c", told=told))

    with_writer(database, story)
    assert told == ["a", "b", "c"]
    assert seen == [["a", "b", "c"]]


def test_what_waits_at_the_stop_is_finished_and_then_nothing_is_taken(database: PracticeDatabase) -> None:
    async def story() -> None:
        writer = Writer(database, clock=FakeClock())
        writer.start()
        waiting = [writer.run(noting(str(number))) for number in range(300)]
        await asyncio.to_thread(writer.stop)
        assert len(await asyncio.gather(*waiting)) == 300
        with pytest.raises(DatabaseUnavailableError):
            await writer.run(noting("too late"))

    asyncio.run(story())
    assert len(stored(database)) == 300


@pytest.mark.sqlite_only("about the SQLite file itself")
@pytest.mark.parametrize("fate", ["moved", "replaced", "deleted"])
def test_a_file_that_is_no_longer_there_gets_no_acknowledgement(database: PracticeDatabase, fate: str) -> None:
    async def story(writer: Writer) -> None:
        await writer.run(noting("before"))
        aside = path_of(database).with_name("aside.db")
        content = path_of(database).read_bytes()
        if fate == "moved":
            path_of(database).rename(aside)
        else:
            path_of(database).unlink()
        if fate == "replaced":
            path_of(database).write_bytes(content)
        with pytest.raises(DatabaseReplacedError):
            await writer.run(noting("lost"))
        if fate == "moved":
            aside.rename(path_of(database))
            assert await writer.run(noting("back")) == "back"
            assert stored(database) == ["before", "back"]

    with_writer(database, story)
