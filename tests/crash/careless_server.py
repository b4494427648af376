"""`miz` with the protection taken away: commits are not synced. Proves that the power cuts find what is lost."""

from typing import Any

from miz.apps.cli import main
from miz.infra.db import sqlite_file

careless: Any = tuple(pragma.replace("synchronous=FULL", "synchronous=NORMAL") for pragma in sqlite_file.WRITER_PRAGMAS)
sqlite_file.WRITER_PRAGMAS = careless

if __name__ == "__main__":
    main()
