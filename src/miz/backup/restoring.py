"""Bringing a practice back: from one file and the recovery key to a data folder that a server can start on."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from miz.backup.errors import BackupPlaceError
from miz.backup.making import SCRATCH, Told, look_through, server_of, unpack
from miz.backup.model import Manifest
from miz.backup.package import read_manifest
from miz.infra.data_folder import IDENTITY, DataFolder, PracticeExistsError
from miz.infra.db.sources import refuse_taken
from miz.infra.files import InstanceLock, sync_folder, write_whole
from miz.infra.keys import unwrap_key
from miz.infra.settings import Settings

if TYPE_CHECKING:
    from miz.backup.postgres import DatabaseServer

Settle = Callable[[DataFolder, Settings], None]
"""Makes the restored practice one of its own: a new epoch, so that all that was open before is refused, and an entry in the trail."""


def restore(
    file: Path, identity: Any, folder: DataFolder, settings: Settings, *, key: bytes | None = None, settle: Settle, told: Told
) -> Manifest:
    """Restore the backup to `folder`, which holds no practice, with the recovery key's `identity`; the key file is made anew where it is missing.
    With `key`, the practice's own, another `identity` will do.

    The rows of a database server go to the one that the settings name, which must be empty; it is so again after a fault.
    Until the last step, one renaming, there is no practice in the folder; after it, a whole one. Raises `PracticeExistsError`,
    `BackupKeyError`, `BackupUnsoundError`, `NewerBackupError`, `NoRoomForBackupError`, `BackupPlaceError`; the folder is as it was then.
    """
    if folder.has_practice:
        raise PracticeExistsError(folder=str(folder.path))
    scratch = DataFolder(folder.path / f"{SCRATCH}restore")
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupPlaceError(folder=str(folder.path)) from error
    lock = InstanceLock(folder.instance_lock)
    keys: list[bytes] = []

    def key_of(wrapped: bytes) -> bytes:
        keys.append(key or unwrap_key(identity, wrapped))
        return keys[-1]

    try:
        shutil.rmtree(scratch.path, ignore_errors=True)
        with _emptied_after_fault(file, identity, settings) as server:
            manifest = unpack(file, [identity], scratch.path, key_of=key_of, told=told, server=server)
            told("look through", 0, 1)
            look_through(scratch, keys[-1], manifest, server)
            key_file = folder.key_file(manifest.server_id, settings)
            if not key_file.exists():
                write_whole(key_file, keys[-1].hex().encode() + b"\n", is_private=True)
            settle(scratch, settings)
            _move(scratch.path, folder.path)
    finally:
        shutil.rmtree(scratch.path, ignore_errors=True)
        lock.release()
    return manifest


@contextlib.contextmanager
def _emptied_after_fault(file: Path, identity: Any, settings: Settings) -> Iterator["DatabaseServer | None"]:
    """The database server that the settings name, if any; nothing reaches it before the whole backup was read once."""
    server = server_of(settings)
    if server is None:
        yield None
        return
    refuse_taken(settings)
    read_manifest(file, [identity])
    try:
        yield server
    except BaseException:
        server.clear()
        raise


def _move(source: Path, target: Path) -> None:
    """Everything to its place; the identity, without which there is no practice, last."""
    for name in sorted(source.iterdir(), key=lambda name: name.name == IDENTITY):
        if name.name != "run":
            name.replace(target / name.name)
    sync_folder(target)
