"""The file a backup is: age encryption around Zstandard around a tar archive, whose last member is the manifest.

Anybody with the recovery key and public tools opens it: `age -d -i recovery-key.txt FILE | zstd -d | tar -x`. Nothing of it is ever
written in plain form by this program. age authenticates every part and the end; the manifest's hashes tie the members together.
"""

import contextlib
import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec
import pyrage
from backports import zstd

from miz.backup.errors import BackupKeyError, BackupPlaceError, BackupUnsoundError
from miz.backup.model import FORMAT, MANIFEST, FileEntry, Manifest
from miz.infra.files import sync_folder, synced_steadily

_PIECE = 1 << 20
_LARGEST_MANIFEST = 1 << 20
_FAST_ENOUGH: Mapping[int, int] = {
    zstd.CompressionParameter.compression_level: 1,
    zstd.CompressionParameter.checksum_flag: 1,
    zstd.CompressionParameter.nb_workers: 2,
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file for the package: what it is called, how many bytes, and these, in pieces."""

    name: str
    size: int
    pieces: Iterable[bytes]


def write_package(
    target: Path, members: Iterable[Member], manifest: Manifest, recipients: Sequence[Any], *, is_renamed: bool = True
) -> Manifest:
    """Write the package to the new file `target`; returns the manifest as it stands in it, with the files.

    With `is_renamed` there is the whole, synced file or none; without it, for a folder in which nothing can be renamed, a cut leaves a file
    that is no package. Raises `BackupPlaceError` and whatever `members` raises.
    """
    scratch = target.with_name(target.name + ".part") if is_renamed else target
    try:
        file = os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise BackupPlaceError(folder=str(target.parent)) from error
    try:
        with file, synced_steadily(scratch), _encrypting(file, recipients) as plain:
            whole = _pack(plain, members, manifest)
        with scratch.open("rb") as written:
            os.fsync(written.fileno())
        if is_renamed:
            scratch.rename(target)
        sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):  # gone already, or in a folder from which nothing can be taken away
            scratch.unlink()
        if isinstance(error, OSError):
            raise BackupPlaceError(folder=str(target.parent)) from error
        raise
    return whole


def _pack(plain: Any, members: Iterable[Member], manifest: Manifest) -> Manifest:
    with (
        zstd.ZstdFile(plain, "wb", options=_FAST_ENOUGH) as packed,
        tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, copybufsize=_PIECE) as archive,
    ):
        files: list[FileEntry] = []
        for member in members:
            content = _Hashed(member.pieces)
            _add(archive, member.name, member.size, content, manifest)
            files.append(FileEntry(member.name, member.size, content.sha256.hexdigest()))
        whole = msgspec.structs.replace(manifest, files=files)
        text = msgspec.json.format(msgspec.json.encode(whole), indent=2)
        _add(archive, MANIFEST, len(text), io.BytesIO(text), manifest)
    return whole


def _add(archive: tarfile.TarFile, name: str, size: int, content: Any, manifest: Manifest) -> None:
    head = tarfile.TarInfo(name)
    head.size, head.mode, head.mtime = size, 0o600, int(manifest.made_at.timestamp())
    archive.addfile(head, content)


@dataclass
class Package:
    """A package being read from its beginning to its end: the members in their order, each to be read before the next.

    Nothing of it may be trusted before `finish` has returned the manifest.
    """

    name: str
    archive: tarfile.TarFile
    plain: zstd.ZstdFile
    size: int = 0
    """Bytes of the member at hand."""
    found: list[FileEntry] = field(default_factory=list)
    _manifest: Manifest | None = None

    def members(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each file but the manifest: its name and its content in pieces."""
        for head in self.archive:
            content = self.archive.extractfile(head)
            if content is None or not head.isreg() or self._manifest is not None:
                raise BackupUnsoundError(name=self.name)
            if head.name == MANIFEST:
                text = content.read(_LARGEST_MANIFEST)
                self._manifest = msgspec.json.decode(text, type=Manifest)
                continue
            hashed, self.size = _Hashed(iter(partial(content.read, _PIECE), b"")), head.size
            yield head.name, hashed.rest()
            for _ in hashed.rest():
                pass
            self.found.append(FileEntry(head.name, head.size, hashed.sha256.hexdigest()))

    def finish(self) -> Manifest:
        """The manifest, when everything it names was there as it says, and nothing else. Raises `BackupUnsoundError`."""
        while self.plain.read(_PIECE):
            pass
        if self._manifest is None or self._manifest.format != FORMAT or self._manifest.files != self.found:
            raise BackupUnsoundError(name=self.name)
        return self._manifest


@contextlib.contextmanager
def open_package(file: Path, identities: Sequence[Any]) -> Iterator[Package]:
    """Read a package. Raises `BackupKeyError`, `BackupUnsoundError`, also from within the block; what was read before is not to be trusted then."""
    with contextlib.ExitStack() as closing:
        try:
            encrypted = closing.enter_context(file.open("rb"))
            plain = closing.enter_context(_decrypting(encrypted, identities, file.name))
            unpacked = closing.enter_context(zstd.ZstdFile(plain, "rb"))
            archive = closing.enter_context(tarfile.open(fileobj=unpacked, mode="r|", bufsize=_PIECE))
            yield Package(file.name, archive, unpacked)
        except (tarfile.TarError, zstd.ZstdError, EOFError, OSError, msgspec.MsgspecError) as error:
            raise BackupUnsoundError(name=file.name) from error


def read_manifest(file: Path, identities: Sequence[Any]) -> Manifest:
    """Read the whole package and return its manifest once everything has been found as it says."""
    with open_package(file, identities) as package:
        for _ in package.members():
            pass
        return package.finish()


class _Hashed:
    """Pieces as a readable file, which counts their hash."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = b""
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        parts, missing = [], size
        while missing:
            if not self._left:
                self._left = next(self._pieces, b"")
                self.sha256.update(self._left)
                if not self._left:
                    break
            part = self._left[:missing] if size >= 0 else self._left
            self._left = self._left[len(part) :]
            parts.append(part)
            missing -= len(part) if size >= 0 else 0
        return b"".join(parts)

    def rest(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.sha256.update(piece)
            yield piece


@contextlib.contextmanager
def _encrypting(file: IO[bytes], recipients: Sequence[Any]) -> Iterator[IO[bytes]]:
    """A writable end whose bytes reach `file` encrypted; all of them when the block has ended well."""
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def encrypt() -> None:
        with os.fdopen(reading, "rb", buffering=_PIECE) as plain:
            try:
                pyrage.encrypt_io(plain, file, list(recipients))
            except Exception as error:  # noqa: BLE001 - told in the other thread
                failed.append(error)

    thread = threading.Thread(target=encrypt, name="backup encryption")
    thread.start()
    try:
        with os.fdopen(writing, "wb", buffering=_PIECE) as plain:
            yield plain
    except BrokenPipeError:
        if not failed:
            raise
    finally:
        thread.join()
    if failed:
        raise OSError from failed[0]


@contextlib.contextmanager
def _decrypting(file: IO[bytes], identities: Sequence[Any], name: str) -> Iterator[IO[bytes]]:
    """A readable end with the plain bytes of `file`. At the end of the block it is certain that nothing was changed or cut off."""
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def decrypt() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb", buffering=_PIECE) as plain:
            try:
                pyrage.decrypt_io(file, plain, list(identities))
            except Exception as error:  # noqa: BLE001 - told in the other thread
                failed.append(error)

    thread = threading.Thread(target=decrypt, name="backup decryption")
    thread.start()
    try:
        with os.fdopen(reading, "rb", buffering=_PIECE) as plain:
            yield plain
    except BaseException as error:  # noqa: BLE001 - what was read is not to be trusted, whatever it led to
        thread.join()
        raise _told(failed, name) or error from None
    thread.join()
    if told := _told(failed, name):
        raise told


def _told(failed: list[Exception], name: str) -> Exception | None:
    if not failed:
        return None
    is_other_key = "no matching keys" in str(failed[0]).casefold()
    return BackupKeyError(name=name) if is_other_key else BackupUnsoundError(name=name)
