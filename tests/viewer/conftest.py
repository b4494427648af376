from collections.abc import Iterator

import pytest

from tests.practice.conftest import _tokens, surgery  # noqa: F401 - the same people sit in the same practice
from tests.support.displays import Display, paired
from tests.support.practice import ServerThread, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    with served(tmp_path_factory.mktemp("practice")) as running:
        yield running


@pytest.fixture(scope="module")
def display(server: ServerThread) -> Display:
    """A display in the assistant's room."""
    return paired(server, "Zimmer 2")
