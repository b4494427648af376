from pathlib import Path

import pytest

from miz.knowledge.compiler import compile_edition
from miz.knowledge.edition import Edition


@pytest.fixture(scope="session")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """The edition of the tables as they stand."""
    path: Path = tmp_path_factory.mktemp("edition") / "edition.sqlite"
    compile_edition(path)
    return Edition.open(path)
