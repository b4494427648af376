"""Who has signed which row. A row is reviewed when two different people have signed exactly the text it has now."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from miz.knowledge.selectors import Selectors
from miz.knowledge.table_files import COLUMNS, IDS, Fault, Row, Tables

REVIEWERS = 2
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fingerprint(row: Row) -> str:
    """SHA-256 of the row's canonical text: each column of the table with its value, in the order of `COLUMNS`."""
    return hashlib.sha256("\n".join(f"{column}: {row[column]}" for column in COLUMNS[row.file].split()).encode()).hexdigest()


def mark_reviewed(tables: Tables) -> None:
    """Give every row that two people have signed its mark. A signature under an older text counts for nothing."""
    signed: dict[tuple[str, str, str], set[str]] = {}
    for one in tables["reviews.csv"]:
        signed.setdefault((one["table"], one["row_id"], one["sha256"]), set()).add(_person(one["reviewer"]))
    for file in {file for file, _, _ in signed}:
        tables.rows[file] = [
            replace(row, is_reviewed=len(signed.get((file, row[IDS[file]], fingerprint(row)), ())) >= REVIEWERS) for row in tables[file]
        ]


def review_faults(tables: Tables, _: Selectors) -> Iterator[Fault]:
    """A signature names a row that exists, its text, a person and a day; nobody signs the same text twice."""
    rows = {(file, row[column]) for file, column in IDS.items() for row in tables[file]}
    seen: set[tuple[str, ...]] = set()
    for row in tables["reviews.csv"]:
        if row["table"] not in IDS:
            yield row.fault("table", f"„{row['table']}“ is no table whose rows are signed")
        elif (row["table"], row["row_id"]) not in rows:
            yield row.fault("row_id", f"no row „{row['row_id']}“ in {row['table']}")
        if not _SHA256.fullmatch(row["sha256"]):
            yield row.fault("sha256", "must be 64 digits from 0 to f")
        if not row["reviewer"]:
            yield row.fault("reviewer", "must not be empty")
        try:
            date.fromisoformat(row["date"])
        except ValueError:
            yield row.fault("date", f"„{row['date']}“ is no day")
        signature = (row["table"], row["row_id"], row["sha256"], _person(row["reviewer"]))
        if signature in seen:
            yield row.fault("reviewer", "has signed this text already")
        seen.add(signature)


def _person(name: str) -> str:
    return " ".join(name.casefold().split())
