import logging
from collections.abc import Iterator

import pytest

from tests.security.people import Site
from tests.support.practice import served


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A fresh practice with one user for each role."""
    with served(tmp_path_factory.mktemp("practice")) as server:
        made = Site(server)
        made.open()
        yield made


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No attack may reach what nobody planned for: that would be in the log."""
    with caplog.at_level(logging.INFO):
        yield
    assert "unexpected condition" not in caplog.text
