"""Bringing a practice back: from one file and the recovery key to a data folder that a server can start on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from miz.backup.errors import BackupPlaceError
from miz.backup.making import SCRATCH, Told, look_through, unpack
from miz.backup.model import Manifest
from miz.infra.data_folder import IDENTITY, DataFolder, PracticeExistsError
from miz.infra.files import InstanceLock, sync_folder, write_whole
from miz.infra.keys import unwrap_key
from miz.infra.settings import Settings

Settle = Callable[[DataFolder, Settings], None]
"""Makes the restored practice one of its own: a new epoch, so that all that was open before is refused, and an entry in the trail."""


def restore(
    file: Path, identity: Any, folder: DataFolder, settings: Settings, *, key: bytes | None = None, settle: Settle, told: Told
) -> Manifest:
    """Restore the backup to `folder`, which holds no practice, with the recovery key's `identity`; the key file is made anew where it is missing.
    With `key`, the practice's own, another `identity` will do.

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
        manifest = unpack(file, [identity], scratch.path, key_of=key_of, told=told)
        told("look through", 0, 1)
        look_through(scratch, keys[-1], manifest)
        key_file = folder.key_file(manifest.server_id, settings)
        if not key_file.exists():
            write_whole(key_file, keys[-1].hex().encode() + b"\n", is_private=True)
        settle(scratch, settings)
        _move(scratch.path, folder.path)
    finally:
        shutil.rmtree(scratch.path, ignore_errors=True)
        lock.release()
    return manifest


def _move(source: Path, target: Path) -> None:
    """Everything to its place; the identity, without which there is no practice, last."""
    for name in sorted(source.iterdir(), key=lambda name: name.name == IDENTITY):
        if name.name != "run":
            name.replace(target / name.name)
    sync_folder(target)
