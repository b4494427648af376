"""Every benchmark, or the named ones, as one table with the machine above it.

    python3 dev.py bench [--write] [leases] [serving] [search] [evaluation] [papers] [programs] [day] [growth] [care] [backup] [--minutes=10] [--megabytes=1000]

`--write` renews the table in docs/performance.md. `programs`, `day`, `growth`, `care` and `backup` take minutes and run only when they are
named; they have tables of their own. `--minutes` says how much of the ten minutes' working day is measured; a tenth without it.
`--megabytes` says how large the database is that is backed up; 100 without it.
"""

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import PeerMissingError
from bench.machine import describe

USUAL = ("leases", "serving", "search", "evaluation", "papers")
OF_THEIR_OWN = ("programs", "day", "growth", "care", "backup")
NAMES = (*USUAL, *OF_THEIR_OWN)
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- made by dev.py bench --write{} -->", "<!-- end -->"
AMOUNTS = {"day": "--minutes=", "backup": "--megabytes="}
COLUMNS = ("work", "value", "goal", "met", "ratio", "against")


def main(*options: str) -> int:
    """Measure and print; the exit code is 2 for an unknown name or option and does not depend on the figures."""
    names = [option for option in options if not option.startswith("--")] or list(USUAL)
    if unknown := sorted(set(names) - set(NAMES)):
        print(f"There is no benchmark {unknown[0]}. Choose from: {', '.join(NAMES)}")
        return 2
    if strange := [
        option for option in options if option.startswith("--") and option != "--write" and not option.startswith(tuple(AMOUNTS.values()))
    ]:
        print(f"There is no option {strange[0]}.\n{__doc__}")
        return 2
    with tempfile.TemporaryDirectory(prefix="miz-bench-") as folder:
        machine = describe(Path(folder))
    tables: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        print(f"Measuring {name} ...", file=sys.stderr, flush=True)
        table = tables.setdefault(f" {name}" if name in OF_THEIR_OWN else "", [])
        try:
            table += import_module(f"bench.{name}").run(*_amount(name, options))
        except PeerMissingError as missing:
            print(f"{name}: left out. {missing}")
    for name, rows in tables.items():
        text = "\n".join([*(f"- {fact}: {value}" for fact, value in machine), "", *_table(rows)])
        print(text)
        if "--write" in options:
            _write(BEGIN.format(name), text)
    return 0


def _amount(name: str, options: tuple[str, ...]) -> list[float]:
    """What was said of how much this one measures."""
    said = AMOUNTS.get(name)
    return [float(option.removeprefix(said)) for option in options if option.startswith(said)] if said else []


def _write(begin: str, text: str) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def is_met(value: float, goal: str) -> bool:
    """Whether a figure reaches its goal, written as `<= 1.5`, `>= 2,200` or `> 900`."""
    sign, _, text = goal.partition(" ")
    limit = float(text.replace(",", ""))
    return value <= limit if sign == "<=" else value >= limit if sign == ">=" else value > limit


def _table(rows: list[dict[str, Any]]) -> list[str]:
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    met = "" if not row["goal"] else "yes" if is_met(row["value"], row["goal"]) else "no"
    return row["work"], f"{row['value']:,} {row['unit']}".strip(), row["goal"], met, row["ratio"], row["against"]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
