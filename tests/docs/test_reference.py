"""The reference pages say what the program does."""

import pytest

from tools.reference import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_up_to_date(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), "renew it with: python3 dev.py docs"


def test_every_error_code_is_told_once() -> None:
    codes = [line.split("`")[1] for line in PAGES["errors.md"]().splitlines() if line.startswith("| `")]
    assert len(codes) > 10
    assert len(set(codes)) == len(codes)
