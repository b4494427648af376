"""PostgreSQL itself: what is refused, who may write, what happens when the connection is lost. Runs whatever database the suite has."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from miz.infra.db import succession
from miz.infra.db.driver import driver_of
from miz.infra.db.engine import DatabaseInUseError, ReadOnlyDatabase
from miz.infra.db.migrate import bring_up_to_date
from miz.infra.db.postgres_server import DatabaseSettingsError, DatabaseUnreachableError, PostgresServer
from miz.infra.db.practice_database import DatabaseChangedError, PracticeDatabase
from miz.infra.db.writer import Transaction, Writer
from miz.kernel.clock import FakeClock
from miz.kernel.errors import DatabaseUnavailableError, InvalidInputError, MizError
from tests.infra.conftest import line, tables
from tests.support.postgres import NoPostgresError, Postmaster, postmaster, programs

T = TypeVar("T")


@pytest.fixture(scope="module", autouse=True)
def _there_is_one() -> None:
    try:
        programs()
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture
def url() -> str:
    return postmaster().url(postmaster().new_database())


@pytest.fixture
def database(url: str) -> Iterator[PracticeDatabase]:
    with contextlib.closing(PracticeDatabase(PostgresServer(url), name="first")) as opened:
        bring_up_to_date(opened.writer_connection)
        tables.create_all(opened.writer_connection)
        opened.writer_connection.commit()
        opened.take_over(lambda _: None)
        yield opened


def cut(database: PracticeDatabase) -> None:
    """End the writing connection from outside, as a fault of the network would."""
    (pid,) = driver_of(database.writer_connection).rows("SELECT pg_backend_pid()")[0]
    postmaster().run(f"SELECT pg_terminate_backend({pid})")


def with_writer(database: PracticeDatabase, story: Callable[[Writer], Awaitable[T]], *, given_up: list[Exception] | None = None) -> T:
    async def run() -> T:
        writer = Writer(database, clock=FakeClock(), give_up=(given_up if given_up is not None else []).append)
        writer.start()
        try:
            return await story(writer)
        finally:
            await asyncio.to_thread(writer.stop)

    return asyncio.run(run())


def noting(text: str, told: list[str] | None = None) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.connection.execute(insert(line).values(text=text))
        if told is not None:
            tx.after_commit(lambda: told.append(text))

    return work


def stored(database: PracticeDatabase) -> list[str]:
    return list(database.reader().execute(select(line.c.text).order_by(line.c.id)).scalars())


async def until_written(writer: Writer, text: str) -> None:
    """Send it again until it is taken, as a client does."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await writer.run(noting(text))
            except DatabaseUnavailableError:
                await asyncio.sleep(0.05)


class TestWhoMayWrite:
    def test_a_second_server_is_refused_until_the_first_one_ends(self, database: PracticeDatabase, url: str) -> None:
        with pytest.raises(DatabaseInUseError):
            PracticeDatabase(PostgresServer(url), name="second")
        database.close()
        PracticeDatabase(PostgresServer(url), name="second").close()

    def test_the_right_to_write_ends_with_the_connection(self, database: PracticeDatabase, url: str) -> None:
        cut(database)
        with (
            contextlib.closing(PracticeDatabase(PostgresServer(url), name="second")),
            pytest.raises((DBAPIError, DatabaseUnavailableError)),
        ):
            database.writer_connection.execute(insert(line).values(text="too late"))
        assert stored(database) == []

    def test_who_was_cut_off_and_replaced_gives_up(self, database: PracticeDatabase, url: str) -> None:
        given_up: list[Exception] = []

        async def story(writer: Writer) -> None:
            await writer.run(noting("mine"))
            cut(database)
            with contextlib.closing(PracticeDatabase(PostgresServer(url), name="second")) as second:
                second.take_over(lambda _: None)
                async with asyncio.timeout(20):
                    while not given_up:
                        with contextlib.suppress(DatabaseUnavailableError):
                            await writer.run(noting("never"))
                        await asyncio.sleep(0.05)

        with_writer(database, story, given_up=given_up)
        assert isinstance(given_up[0], DatabaseChangedError)
        assert stored(database) == ["mine"]

    def test_without_looking_who_wrote_last_it_would_go_on(
        self, database: PracticeDatabase, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(succession, "is_noted", lambda *_: True)
        monkeypatch.setattr(succession, "confirm", lambda *_: True)

        async def story(writer: Writer) -> None:
            await writer.run(noting("mine"))
            cut(database)
            with contextlib.closing(PracticeDatabase(PostgresServer(url), name="second")) as second:
                second.take_over(lambda _: None)
            await until_written(writer, "with old memory")

        with_writer(database, story)
        assert stored(database) == ["mine", "with old memory"]

    def test_another_server_or_another_line_is_a_new_epoch(self, database: PracticeDatabase) -> None:
        seen: list[str] = []
        connection = database.writer_connection
        for name, lineage in (
            ("first", database.lineage),
            ("second", database.lineage),
            ("second", "8/00000002"),
            ("second", "8/00000002"),
        ):
            succession.take_over(connection, name, lineage, functools.partial(lambda said, _: seen.append(said), f"{name} {lineage}"))
        assert seen == [f"second {database.lineage}", "second 8/00000002"]


class TestALostConnection:
    def test_the_writer_finds_back_by_itself(self, database: PracticeDatabase) -> None:
        async def story(writer: Writer) -> None:
            await writer.run(noting("before"))
            cut(database)
            with pytest.raises(DatabaseUnavailableError):
                await writer.run(noting("lost"))
            await until_written(writer, "after")

        with_writer(database, story)
        assert stored(database) == ["before", "after"]

    def test_an_idle_writer_notices_it(self, database: PracticeDatabase) -> None:
        async def story(writer: Writer) -> None:
            await writer.run(noting("before"))
            cut(database)
            await asyncio.sleep(driver_of(database.writer_connection).watched_s or 0)
            await asyncio.sleep(1.5)
            await writer.run(noting("after"))

        with_writer(database, story)
        assert stored(database) == ["before", "after"]

    @pytest.mark.parametrize("is_stored", [True, False])
    def test_between_commit_and_answer_the_effects_follow_what_was_stored(self, database: PracticeDatabase, is_stored: bool) -> None:
        told: list[str] = []
        driver: Any = driver_of(database.writer_connection)
        send: Callable[[], str | None] = driver.send_marks

        def lose() -> str | None:
            """Have the answer to the commit lost, or the commit itself."""
            if driver._marks[-1:] == ["COMMIT"]:
                if is_stored:
                    send()
                driver.pgconn.finish()
                raise psycopg.OperationalError
            return send()

        async def story(writer: Writer) -> None:
            driver.send_marks = lose
            with pytest.raises(DatabaseUnavailableError):
                await writer.run(noting("unknown", told))
            assert told == []
            await until_written(writer, "after")
            await asyncio.sleep(0)

        with_writer(database, story)
        assert stored(database) == (["unknown", "after"] if is_stored else ["after"])
        assert told == (["unknown"] if is_stored else [])

    def test_a_reader_finds_back_after_the_postmaster_was_killed(self) -> None:
        own = Postmaster.fresh()
        try:
            with contextlib.closing(PracticeDatabase(PostgresServer(own.url("postgres")))) as database:
                own.kill()
                with pytest.raises(DatabaseUnavailableError):
                    database.reader().exec_driver_sql("SELECT 1")
                with pytest.raises(DatabaseUnavailableError):
                    database.reader()
                own.start()
                found = threading.Event()
                while not found.wait(0.05):
                    with contextlib.suppress(DatabaseUnavailableError):
                        found.set() if database.reader().exec_driver_sql("SELECT 1").scalar() == 1 else None
        finally:
            own.remove()


class TestRefusals:
    @pytest.mark.parametrize(("setting", "value"), [("fsync", "off"), ("full_page_writes", "off"), ("data_sync_retry", "on")])
    def test_settings_that_lose_data_are_refused(self, setting: str, value: str) -> None:
        own = Postmaster.fresh(**{setting: value})
        try:
            with pytest.raises(DatabaseSettingsError) as refused:
                PracticeDatabase(PostgresServer(own.url("postgres")))
            assert refused.value.fields["setting"] == setting
        finally:
            own.remove()

    def test_a_database_that_sorts_by_language_is_refused(self) -> None:
        found = postmaster().run(
            "SELECT collcollate FROM pg_collation WHERE collprovider = 'c' AND collencoding = 6 AND collcollate LIKE '%\\_%'"
        )
        if not found:
            pytest.skip("this computer has no language to sort by")
        postmaster().run(f"CREATE DATABASE sorted_otherwise TEMPLATE template0 LOCALE '{found[0][0]}'")
        with pytest.raises(DatabaseSettingsError):
            PracticeDatabase(PostgresServer(postmaster().url("sorted_otherwise")))

    def test_every_commit_of_the_writer_waits_for_the_disk(self, url: str) -> None:
        name = url.rpartition("/")[2]
        postmaster().run(f"ALTER DATABASE {name} SET synchronous_commit = off")
        with contextlib.closing(PracticeDatabase(PostgresServer(url))) as database:
            assert driver_of(database.writer_connection).rows("SHOW synchronous_commit") == [("on",)]

    def test_a_reader_cannot_write(self, database: PracticeDatabase) -> None:
        with contextlib.closing(ReadOnlyDatabase(database.source)) as reading:
            for statement in ("INSERT INTO line (text) VALUES ('x')", "DELETE FROM line", "DROP TABLE line", "CREATE TABLE more (id int)"):
                with pytest.raises(DBAPIError, match="read-only transaction"):
                    reading.reader().exec_driver_sql(statement)

    def test_a_text_that_cannot_be_stored_is_the_members_own_fault(self, database: PracticeDatabase) -> None:
        async def story(writer: Writer) -> tuple[Any, Any]:
            return await asyncio.gather(writer.run(noting("a\0b")), writer.run(noting("good")), return_exceptions=True)

        bad, good = with_writer(database, story)
        assert isinstance(bad, InvalidInputError)
        assert (good, stored(database)) == (None, ["good"])

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://miz:geheim@127.0.0.1:1/x",
            "postgresql://miz:geheim@[::1/x",
            "postgres geheim",
            "host=127.0.0.1 port=1 password=geheim x",
        ],
    )
    def test_the_password_is_in_no_refusal(self, url: str) -> None:
        with pytest.raises(MizError) as refused:
            PracticeDatabase(PostgresServer(url))
        assert isinstance(refused.value, InvalidInputError | DatabaseUnreachableError)
        assert "geheim" not in f"{refused.value.detail}{refused.value.fields}{refused.value.hint}"


def test_a_server_that_dies_while_it_is_looked_at_does_not_answer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = PostgresServer(url)
    connect = source._connect

    def doomed(options: str) -> Any:
        made = connect(options)
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (made.info.backend_pid,))
        return made

    monkeypatch.setattr(source, "_connect", doomed)
    with pytest.raises(DatabaseUnreachableError):
        source.refuse_unsafe()


def test_a_practice_is_set_up_on_a_server_once_and_is_opened_with_its_address_only(tmp_path: Path, url: str) -> None:
    from miz.apps.bootstrap import Server, data_folder, set_up_practice
    from miz.infra.db.sources import DatabaseTakenError, DatabaseUrlError
    from miz.infra.settings import read_settings

    def set_up(path: Path) -> None:
        settings = read_settings(key_file=str(path / "test.key"), database_url=url)
        set_up_practice(
            data_folder(path), settings, practice="P", owner="O", owner_roles=["owner"], password="ein langes Kennwort 26", places={}
        )

    set_up(tmp_path / "first")
    with pytest.raises(DatabaseTakenError):
        set_up(tmp_path / "second")
    assert not (tmp_path / "second").exists()
    assert not (tmp_path / "first" / "practice.db").exists()
    with pytest.raises(DatabaseUrlError):
        Server(data_folder(tmp_path / "first"), read_settings(key_file=str(tmp_path / "first" / "test.key"), database_url=""))
    assert not [path for path in (tmp_path / "first").rglob("*") if path.is_file() and b"postgresql://" in path.read_bytes()]
