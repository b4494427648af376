"""Bringing a practice back from one file: to a new folder with the recovery key, or into its own folder beside what is there now."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from miz.backup.errors import BackupPlaceError, IntoEmptyDatabaseError, OtherPracticeError
from miz.backup.making import SCRATCH, Told, look_through, server_of, unpack
from miz.backup.model import Manifest
from miz.backup.package import read_manifest
from miz.databases.places import beside
from miz.infra.data_folder import ERASED_LIST, IDENTITY, DataFolder, PracticeExistsError
from miz.infra.db.sources import refuse_taken
from miz.infra.files import InstanceLock, sync_folder, write_whole
from miz.infra.keys import unwrap_key
from miz.infra.settings import Settings
from miz.practice.erasure.erased_list import read_list

if TYPE_CHECKING:
    from miz.backup.postgres import DatabaseServer

_MINUTE_S = 60
"""An epoch that nobody can read any more is below the minutes since 1970: each one is a restore."""

Settle = Callable[[DataFolder, Settings, int, Sequence[str]], None]
"""Makes the restored practice one of its own: an epoch beyond the one that is named, so that all that was open before is refused, an entry in
the trail, and the patients with these ids erased once more.
"""


def scratch_of(folder: DataFolder) -> DataFolder:
    """Where a backup is unpacked for the practice in `folder`: on the disk on which the database is to lie, so that a renaming brings it there."""
    return DataFolder(folder.database.parent / f"{SCRATCH}restore")


def restore(
    file: Path, identity: Any, folder: DataFolder, settings: Settings, *, key: bytes | None = None, settle: Settle, told: Told
) -> Manifest:
    """Restore the backup to `folder`, which holds no practice, with the recovery key's `identity`; the key file is made anew where it is missing.
    With `key`, the practice's own, another `identity` will do.

    The rows of a database server go to the one that the settings name, which must be empty; it is so again after a fault.
    Until the last step, one renaming, there is no practice in the folder; after it, a whole one. Raises `PracticeExistsError`,
    `BackupKeyError`, `BackupUnsoundError`, `NewerBackupError`, `NoRoomForBackupError`, `BackupPlaceError`, `ErasedListBrokenError`; the folder
    is as it was then.
    """
    if folder.has_practice:
        raise PracticeExistsError(folder=str(folder.path))
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = InstanceLock(folder.instance_lock)
    except OSError as error:
        raise BackupPlaceError(folder=str(folder.path)) from error
    scratch = scratch_of(folder)
    try:
        with _emptied_after_fault(file, identity, folder, settings) as server:
            manifest = _unpacked(file, identity, folder, settings, key=key, told=told, server=server)
            settle(scratch, settings, 0, _erased_beside(file))
            _move(scratch.path, folder.path)
    finally:
        shutil.rmtree(scratch.path, ignore_errors=True)
        lock.release()
    return manifest


def prepare(
    file: Path, identity: Any, folder: DataFolder, settings: Settings, *, key: bytes | None, epoch: int, settle: Settle, told: Told
) -> Manifest:
    """Unpack a backup of the practice in `folder` beside it, look through all of it and settle it, while people work; `switch` does the rest.

    `epoch` is the one that counts now. Raises what `restore` raises, and `OtherPracticeError`, `IntoEmptyDatabaseError`; nothing is left then.
    """
    if folder.is_on_server:
        raise IntoEmptyDatabaseError
    scratch = scratch_of(folder)
    try:
        manifest = _unpacked(file, identity, folder, settings, key=key, told=told, of=folder.server_id)
        erased = {*_erased_beside(file), *read_list(folder.erased_list)}
        settle(scratch, settings, max(epoch, manifest.epoch), sorted(erased))
    except BaseException:
        shutil.rmtree(scratch.path, ignore_errors=True)
        raise
    return manifest


def switch(folder: DataFolder, now: datetime) -> None:
    """Have the practice go on with what `prepare` has left; for when no server works with the folder.

    One renaming, that of the file which names the database, is the switch. The database before it is kept until somebody lets it go; keys and
    certificates stay those of now. Raises `BackupPlaceError`; everything is as it was then.
    """
    scratch, target = scratch_of(folder), beside(folder.database, now)
    try:
        folder.remove_announced()
        folder.announce(target)
        scratch.database.replace(target)
        sync_folder(target.parent)
        folder.point_to(target, audit_anchor=scratch.audit_anchor.read_bytes())
    except OSError as error:
        folder.remove_announced()
        raise BackupPlaceError(folder=str(target.parent)) from error
    finally:
        shutil.rmtree(scratch.path, ignore_errors=True)


def replace_unreadable(
    file: Path, identity: Any, folder: DataFolder, settings: Settings, *, key: bytes, settle: Settle, told: Told, now: datetime
) -> Manifest:
    """`prepare` and `switch` in one, where no server can open what is in the folder any more; its file is kept as it is.

    Raises what these raise, and `DataFolderInUseError`.
    """
    lock = InstanceLock(folder.instance_lock)
    try:
        manifest = prepare(file, identity, folder, settings, key=key, epoch=int(now.timestamp()) // _MINUTE_S, settle=settle, told=told)
        switch(folder, now)
    finally:
        lock.release()
    return manifest


def _erased_beside(file: Path) -> list[str]:
    """The list beside the backups of a practice, or those that copies elsewhere have got."""
    lists = file.parent.glob(f"{Path(ERASED_LIST).stem}*{Path(ERASED_LIST).suffix}")
    return sorted({erased for one in lists for erased in read_list(one)})


def _unpacked(
    file: Path,
    identity: Any,
    folder: DataFolder,
    settings: Settings,
    *,
    key: bytes | None,
    told: Told,
    server: "DatabaseServer | None" = None,
    of: str = "",
) -> Manifest:
    """What the backup holds, in the scratch folder, looked through; with the key file in its place. It must be `of` that server, if any is named."""
    scratch, keys = scratch_of(folder), list[bytes]()

    def key_of(wrapped: bytes) -> bytes:
        keys.append(key or unwrap_key(identity, wrapped))
        return keys[-1]

    shutil.rmtree(scratch.path, ignore_errors=True)
    manifest = unpack(file, [identity], scratch.path, key_of=key_of, told=told, server=server)
    if of and manifest.server_id != of:
        raise OtherPracticeError
    told("look through", 0, 1)
    look_through(scratch, keys[-1], manifest, server)
    key_file = folder.key_file(manifest.server_id, settings)
    if not key_file.exists():
        write_whole(key_file, keys[-1].hex().encode() + b"\n", is_private=True)
    return manifest


@contextlib.contextmanager
def _emptied_after_fault(file: Path, identity: Any, folder: DataFolder, settings: Settings) -> Iterator["DatabaseServer | None"]:
    """The database server that the settings name, if any; nothing reaches it before the whole backup was read once.

    Who is killed leaves a note in it for whom it was being filled, and the next run for the same folder begins anew.
    """
    server = server_of(settings)
    if server is None:
        yield None
        return
    server.clear_unfinished(folder.path)
    refuse_taken(settings)
    read_manifest(file, [identity])
    server.note_unfinished(folder.path)
    try:
        yield server
    except BaseException:
        server.clear()
        raise
    server.forget_unfinished()


def _move(source: Path, target: Path) -> None:
    """Everything to its place; the identity, without which there is no practice, last."""
    for name in sorted(source.iterdir(), key=lambda name: name.name == IDENTITY):
        if name.name != "run":
            name.replace(target / name.name)
    sync_folder(target)
