"""A disk that takes its time: every sync of one process, and of nothing else, lasts so many milliseconds longer.

A small library, made with the machine's compiler, stands before fsync and fdatasync (LD_PRELOAD). What it really costs
is measured in a process of its own before anybody relies on it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench import PeerMissingError

_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static void wait_first(void) { struct timespec t = {0, %d * 1000000L}; while (nanosleep(&t, &t)) {} }
int fsync(int fd) { wait_first(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { wait_first(); return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""
_PROBE = "import pathlib, sys; from bench.machine import single_commits; print(single_commits(pathlib.Path(sys.argv[1]), 2.0).p50)"


def slow_syncs(folder: Path, milliseconds: int) -> tuple[dict[str, str], float]:
    """What to add to a process's environment, and what one commit of the server's own SQLite then takes, in milliseconds.

    Raises `PeerMissingError` where a library cannot be put before the system's.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or not compiler:
        raise PeerMissingError("Delaying a disk's syncs needs Linux and a C compiler.")
    source, library = folder / "slow_disk.c", folder / "slow_disk.so"
    source.write_text(_SOURCE % milliseconds)
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    environment = {"LD_PRELOAD": str(library)}
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, str(folder)], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    commit_ms = float(probe.stdout)
    if commit_ms < milliseconds:
        raise RuntimeError(f"a commit took {commit_ms:.1f} ms: its sync was not delayed")
    return environment, commit_ms
