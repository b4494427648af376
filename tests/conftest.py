"""Which database the practices of the tests have: `pytest --database postgresql` runs the same tests on PostgreSQL."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help="database of the practices under test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite_only(reason): skipped on PostgreSQL")
    os.environ["MIZ_TEST_DATABASE"] = config.getoption("--database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database") == "postgresql":
        for item in items:
            if marker := item.get_closest_marker("sqlite_only"):
                item.add_marker(pytest.mark.skip(reason=marker.args[0]))
