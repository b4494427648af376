"""Full product informations: from rows to structures, and what can be wrong with the rows. Later editions deliver them."""

import re
from collections.abc import Iterator

from miz.knowledge.model import Document, DocumentSection, Words
from miz.knowledge.selectors import Selectors
from miz.knowledge.table_files import Fault, Tables

_SECTION = re.compile(r"(?:[1-9]|10)(?:\.\d{1,2})?")
_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")


def documents_of(tables: Tables) -> Iterator[Document]:
    """Each with its sections in the order of their numbers. The texts are in the language in which they were published."""
    for row in tables["documents.csv"]:
        own = [section for section in tables["document_sections.csv"] if section["document_id"] == row["document_id"]]
        yield Document(
            id=row["document_id"],
            product=row["product_id"],
            title=Words(row["title"], ""),
            as_of=row["as_of"],
            sections=tuple(
                DocumentSection(section["section"], Words(section["title"], ""), Words(section["text"], ""))
                for section in sorted(own, key=lambda section: [int(part) for part in section["section"].split(".")])
            ),
            sources=row.sources(),
        )


def document_faults(tables: Tables, _: Selectors) -> Iterator[Fault]:
    documents, products = {row["document_id"] for row in tables["documents.csv"]}, {row["product_id"] for row in tables["products.csv"]}
    sections: set[tuple[str, str]] = set()
    for row in tables["document_sections.csv"]:
        place = (row["document_id"], row["section"])
        if row["document_id"] not in documents:
            yield row.fault("document_id", f"the document „{row['document_id']}“ is not in documents.csv")
        if not _SECTION.fullmatch(row["section"]):
            yield row.fault("section", f"„{row['section']}“ is no number of a section")
        elif place in sections:
            yield row.fault("section", f"„{row['section']}“ stands twice")
        sections.add(place)
    filled = {document for document, _ in sections}
    for row in tables["documents.csv"]:
        if row["product_id"] not in products:
            yield row.fault("product_id", f"the product „{row['product_id']}“ is not in products.csv")
        if not _MONTH.fullmatch(row["as_of"]):
            yield row.fault("as_of", f"„{row['as_of']}“ is no month as in 2026-11")
        if row["document_id"] not in filled:
            yield row.fault("document_id", "the document has no section")
