"""Makes an edition from the tables: `python -m miz.knowledge.compiler [OUT]`.

The same tables always give the same bytes. A fault anywhere means no edition at all; the one in use stays.
"""

import hashlib
import os
import sys
from pathlib import Path

import apsw
import msgspec

from miz.knowledge.building import build_facts, names_of
from miz.knowledge.model import Facts
from miz.knowledge.reviews import mark_reviewed
from miz.knowledge.search_index import write_search_index
from miz.knowledge.selectors import selectors_of
from miz.knowledge.table_files import TABLES_FOLDER, KnowledgeFaultsError, Tables, read_tables
from miz.knowledge.validation import faults_of

BUILT_IN = Path(__file__).parent / "built" / "edition.sqlite"
FORMAT = 5
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE fact (kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""


def compile_edition(out: Path, tables_folder: Path = TABLES_FOLDER) -> dict[str, str]:
    """Check the tables and write the edition to `out`; answers with its meta data.

    Raises `KnowledgeFaultsError` with every fault. `out` appears by rename, whole or not at all.
    """
    tables = read_tables(tables_folder)
    if tables.faults:
        raise KnowledgeFaultsError(tables.faults)
    selectors = selectors_of(tables)
    faults = faults_of(tables, selectors)
    if faults:
        raise KnowledgeFaultsError(faults)
    mark_reviewed(tables)
    facts = build_facts(tables, selectors)
    meta = _meta(tables)
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = out.with_name(f"{out.name}.{os.getpid()}.new")
    scratch.unlink(missing_ok=True)
    try:
        _write(scratch, meta, facts, tables)
        scratch.replace(out)
    finally:
        scratch.unlink(missing_ok=True)
    return meta


def _meta(tables: Tables) -> dict[str, str]:
    digest = hashlib.sha256()
    for file in sorted(tables.content):
        digest.update(f"{file} {len(tables.content[file])}\n".encode() + tables.content[file])
    stated = {name: str(tables.edition[name]) for name in ("id", "year", "date", "valid_until")}
    return stated | {"content_sha256": digest.hexdigest(), "format": str(FORMAT)}


def _write(path: Path, meta: dict[str, str], facts: Facts, tables: Tables) -> None:
    connection = apsw.Connection(str(path))
    try:
        for name, value in (("page_size", 4096), ("journal_mode", "off"), ("synchronous", "off")):
            connection.pragma(name, value)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_SCHEMA)
        connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
        for kind in Facts.__struct_fields__:
            bodies = [
                (fact if isinstance(fact, str) else fact.id if hasattr(fact, "id") else str(no), fact)
                for no, fact in enumerate(getattr(facts, kind))
            ]
            connection.executemany(
                "INSERT INTO fact VALUES (?, ?, ?)",
                ((kind, identity, msgspec.json.encode(fact, order="deterministic").decode()) for identity, fact in bodies),
            )
        write_search_index(connection, names_of(facts, tables))
        connection.execute("COMMIT")
        connection.execute("VACUUM")
    finally:
        connection.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def main(arguments: list[str]) -> int:
    """Compile to the path given, else to the place of the built-in edition."""
    out = Path(arguments[0]) if arguments else BUILT_IN
    try:
        meta = compile_edition(out)
    except KnowledgeFaultsError as error:
        print(error.detail, file=sys.stderr)
        return error.exit_code
    print(f"{out}: edition {meta['id']}, valid until {meta['valid_until']}, content {meta['content_sha256'][:12]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
