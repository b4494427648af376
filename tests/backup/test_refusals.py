"""What cannot be restored is refused before anything changes, with what to do: into a new folder and into the practice's own."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from msgspec.structs import replace

from miz.apps.bootstrap import settle_restored
from miz.backup import making
from miz.backup.errors import (
    BackupKeyError,
    BackupPlaceError,
    BackupUnsoundError,
    NewerBackupError,
    NoRoomForBackupError,
    OtherPracticeError,
)
from miz.backup.making import Practice, make_backup
from miz.backup.model import DATABASE
from miz.backup.package import Member, open_package, write_package
from miz.backup.restoring import prepare, restore
from miz.infra.data_folder import WRAPPED_KEY, DataFolder
from miz.infra.keys import identity_of
from miz.kernel.errors import MizError
from tests.crash.upgrades import in_child
from tests.support.practice import is_on_server, new_practice, recovery_key, settings_for

pytestmark = pytest.mark.skipif(is_on_server(), reason="about files; tests/backup/test_postgres.py has those of a database server")
NOW = datetime(2026, 11, 23, 22, tzinfo=UTC)
NOBODY = 65_534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account of the computer may look into, as the folder of a test is not."""
    made = Path(tempfile.mkdtemp(prefix="miz-refusals-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def practice(place: Path) -> DataFolder:
    return new_practice(place)


@pytest.fixture
def backup(practice: DataFolder, place: Path) -> Path:
    file = place / "one.mizbackup"
    practice.backups.mkdir()
    make_backup(Practice(practice, practice.read_key(settings_for(practice)), "test"), file, now=NOW, told=lambda *_: None)
    file.chmod(0o644)
    return file


Into = Callable[..., None]


@pytest.fixture(params=["a new folder", "the practice's own"])
def into(request: pytest.FixtureRequest, practice: DataFolder, place: Path) -> tuple[Into, Path]:
    """How a backup is brought there, and the folder."""
    settings = settings_for(practice)
    keys = {"own": identity_of(recovery_key()), "other": pyrage.x25519.Identity.generate()}
    if request.param == "a new folder":
        target = place / "new"
        target.mkdir()

        def anew(file: Path, identity: str = "own") -> None:
            restore(file, keys[identity], DataFolder(target), settings, settle=settle_restored, told=lambda *_: None)

        return anew, target

    def back(file: Path, identity: str = "own") -> None:
        key = practice.read_key(settings)
        prepare(file, keys[identity], practice, settings, key=key, epoch=1, settle=settle_restored, told=lambda *_: None)

    return back, practice.path


def content(folder: Path) -> dict[str, bytes]:
    """Every file but the one that says who works with the folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.parent.name != "run"}


def refused(bring: Callable[[], None], folder: Path, kind: type[MizError]) -> None:
    before = content(folder)
    with pytest.raises(kind) as told:
        bring()
    assert told.value.hint
    assert {name: body for name, body in content(folder).items() if not name.endswith(".lock")} == before


def without(backup: Path, missing: str, practice: DataFolder) -> Path:
    """The same package, rightly sealed, without one part."""
    target = backup.with_name("part.mizbackup")
    with open_package(backup, [identity_of(recovery_key())]) as package:
        parts = [(name, b"".join(pieces)) for name, pieces in package.members()]
        manifest = package.finish()
    members = [Member(name, len(content), [content]) for name, content in parts if name != missing]
    recipients = Practice(practice, practice.read_key(settings_for(practice)), "test").recipients
    write_package(target, members, replace(manifest, files=[]), recipients)
    return target


def test_a_key_that_does_not_fit(into: tuple[Into, Path], backup: Path) -> None:
    refused(lambda: into[0](backup, "other"), into[1], BackupKeyError)


@pytest.mark.parametrize("part", [DATABASE, WRAPPED_KEY])
def test_a_missing_part(into: tuple[Into, Path], backup: Path, practice: DataFolder, part: str) -> None:
    refused(lambda: into[0](without(backup, part, practice)), into[1], BackupUnsoundError)


def test_a_schema_that_is_newer(into: tuple[Into, Path], backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "HEAD", "0001")
    refused(lambda: into[0](backup), into[1], NewerBackupError)


def test_no_room(into: tuple[Into, Path], backup: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(place)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    refused(lambda: into[0](backup), into[1], NoRoomForBackupError)


def test_another_practice(practice: DataFolder, backup: Path, tmp_path: Path) -> None:
    other, settings = new_practice(tmp_path), settings_for(practice)
    identity = other.path / "server.json"
    identity.write_text(identity.read_text().replace(other.server_id, "another"))
    given = identity_of(recovery_key())

    def back() -> None:
        prepare(
            backup, given, other, settings, key=other.read_key(settings_for(other)), epoch=1, settle=settle_restored, told=lambda *_: None
        )

    refused(back, other.path, OtherPracticeError)


@pytest.mark.skipif(not hasattr(os, "setuid") or os.geteuid() != 0, reason="only root can give its rights away")
def test_no_right_to_write_there(into: tuple[Into, Path], backup: Path) -> None:
    bring, folder = into
    # What it reads stays readable; only writing is not allowed.
    for file in (folder, *folder.rglob("*")):
        file.chmod(0o755 if file.is_dir() else 0o644)

    def as_nobody() -> None:
        os.setuid(NOBODY)
        refused(lambda: bring(backup), folder, BackupPlaceError)

    assert in_child(as_nobody) == 0
