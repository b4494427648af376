"""A small disk that loses power: ext4 in a file, cut off so that everything that was not synced is gone.

The method is that of the file system's own tests: the `shutdown` ioctl without flushing the journal, then unmounting and mounting anew. Needs root.
"""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_SHUTDOWN = 0x8004587D
"""`EXT4_IOC_SHUTDOWN` of Linux, `_IOR('X', 125, __u32)`."""
_WITHOUT_FLUSHING_THE_LOG = struct.pack("I", 2)
_SIZE = 256 * 1024 * 1024
_FREE_WITHIN_S = 10.0


class NoDiskError(Exception):
    """This computer or this account cannot make such a disk; the text says why."""


class Disk:
    """A mounted file system of its own."""

    def __init__(self, image: Path, place: Path) -> None:
        self._image = image
        self._device = ""
        self.place = place

    def cut_power(self) -> None:
        """From here on nothing reaches the disk any more, and what was not synced never did."""
        folder = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, _WITHOUT_FLUSHING_THE_LOG)
        finally:
            os.close(folder)

    def switch_on(self) -> None:
        """As after the next start of the computer; whoever had files open must be gone."""
        self.unmount()
        self.mount()

    def mount(self) -> None:
        """By a device of its own each time: a browser that runs meanwhile keeps what it saw mounted, and a disk that was cut off would come back as such."""
        self._device = _run("losetup", "--find", "--show", str(self._image))
        _run("mount", self._device, str(self.place))

    def unmount(self) -> None:
        ends = time.monotonic() + _FREE_WITHIN_S
        while subprocess.run(["umount", str(self.place)], check=False, capture_output=True).returncode:
            if time.monotonic() > ends:
                raise NoDiskError("the disk stays busy")
            time.sleep(0.02)
        _run("losetup", "--detach", self._device)


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A fresh disk mounted below `folder` for the block. Raises `NoDiskError`."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoDiskError("a disk that loses power needs root on Linux")
    if not all(shutil.which(program) for program in ("mkfs.ext4", "losetup", "mount", "umount")):
        raise NoDiskError("mkfs.ext4, losetup, mount and umount are needed (Debian: e2fsprogs, mount)")
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(_SIZE)
    try:
        _run("mkfs.ext4", "-q", "-F", str(image))
        made = Disk(image, place)
        made.mount()
    except subprocess.CalledProcessError as error:
        raise NoDiskError(f"no file system can be mounted here: {error.stderr.strip()}") from error
    try:
        yield made
    finally:
        made.unmount()


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
