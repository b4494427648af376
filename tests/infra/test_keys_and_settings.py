"""Keys open what belongs to them; settings say which of them is wrong; files are whole; one server to a folder."""

import contextlib
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from miz.infra.data_folder import DataFolder, NoPracticeError, PracticeExistsError
from miz.infra.files import DataFolderInUseError, InstanceLock, write_whole
from miz.infra.keys import KEY_BYTES, KeyMissingError, RecoveryKeyError, create_keys, read_key, recover_key
from miz.infra.settings import Settings, read_settings
from miz.kernel.errors import InvalidInputError
from tests.support.practice import new_practice, opened, recovery_key, settings_for


def test_the_recovery_key_opens_the_practice_and_writes_the_key_file_again(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    settings = settings_for(folder)
    key_file = Path(settings.key_file)
    key = folder.read_key(settings)
    key_file.unlink()
    with pytest.raises(KeyMissingError) as caught:
        folder.read_key(settings)
    assert caught.value.fields["file"] == str(key_file)
    paper = tmp_path / "recovery.txt"
    paper.write_text(recovery_key() + "\n")
    assert folder.read_key(replace(settings, recovery_key_file=str(paper))) == key
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    with contextlib.closing(opened(folder)) as database:
        assert database.reader().exec_driver_sql("SELECT practice FROM server_state").scalar() == "Testpraxis"


def test_the_recovery_key_of_another_practice_is_refused(tmp_path: Path) -> None:
    create_keys(tmp_path / "own.key", tmp_path / "own.age")
    foreign = create_keys(tmp_path / "other.key", tmp_path / "other.age")
    before = (tmp_path / "own.key").read_bytes()
    for wrong in (foreign, "AGE-SECRET-KEY-1NONSENSE", ""):
        with pytest.raises(RecoveryKeyError):
            recover_key(wrong, tmp_path / "own.age", tmp_path / "own.key")
    assert (tmp_path / "own.key").read_bytes() == before


@pytest.mark.parametrize("content", ["", "zz" * KEY_BYTES, "ab" * (KEY_BYTES - 1)])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "practice.key").write_text(content)
    with pytest.raises(KeyMissingError):
        read_key(tmp_path / "practice.key")


def test_every_practice_has_its_own_key(tmp_path: Path) -> None:
    recovery = {create_keys(tmp_path / f"{name}.key", tmp_path / f"{name}.age") for name in "ab"}
    assert len(recovery) == 2
    assert read_key(tmp_path / "a.key") != read_key(tmp_path / "b.key")
    assert read_key(tmp_path / "a.key") not in (tmp_path / "a.age").read_bytes()


def test_a_folder_without_a_practice_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoPracticeError) as caught:
        DataFolder(tmp_path).read_key(Settings())
    assert caught.value.exit_code == 12
    assert "miz init" in caught.value.hint


def test_a_folder_with_a_practice_gets_no_second(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)
    key = folder.read_key(settings_for(folder))
    with pytest.raises(PracticeExistsError):
        folder.create(settings_for(folder))
    assert folder.read_key(settings_for(folder)) == key


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONTROL_INTERVAL_S", "4"), ("CONTROL_INTERVAL_S", "301"), ("CONTROL_INTERVAL_S", "often"), ("IDLE_LOCK_MIN", "0"),
     ("IDLE_LOCK_MIN", "481"), ("SESSION_H", "25"), ("SESSION_H", "1.5"), ("API_DOCS", "perhaps")],
)  # fmt: skip
def test_a_bad_value_names_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"MIZ_{name}", value)
    with pytest.raises(InvalidInputError) as caught:
        read_settings()
    assert caught.value.fields["setting"] == name


def test_settings_come_from_the_environment_and_what_the_program_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIZ_CONTROL_INTERVAL_S", "300")
    monkeypatch.setenv("MIZ_API_DOCS", "yes")
    monkeypatch.setenv("MIZ_IDLE_LOCK_MIN", "1")
    settings = read_settings(idle_lock_min=480)
    assert (settings.control_interval_s, settings.api_docs, settings.idle_lock_min, settings.session_h) == (300, True, 480, 12)


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "control.json"
    write_whole(path, b"one", is_private=True)
    write_whole(path, b"two", is_private=True)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["control.json"]


def test_a_data_folder_has_one_worker_at_a_time(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "run" / "instance.lock")
    with pytest.raises(DataFolderInUseError):
        InstanceLock(tmp_path / "run" / "instance.lock")
    lock.release()
    InstanceLock(tmp_path / "run" / "instance.lock").release()
