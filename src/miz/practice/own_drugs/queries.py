"""Reading the practice's own drugs."""

from sqlalchemy import Connection, select

from miz.practice.tables import own_drug


def own_drugs(reader: Connection) -> list[str]:
    """The texts in the practice's order; empty = the practice has not changed the preset list."""
    return list(reader.execute(select(own_drug.c.text).order_by(own_drug.c.position)).scalars())
