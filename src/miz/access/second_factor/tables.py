"""Tables of the second factor."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table

from miz.access.tables import user_account
from miz.infra.db.engine import Instant
from miz.infra.db.schema import metadata

# Without `active_since` it is being set up and counts for nothing. `last_step` is the step of the last code that was used.
second_factor = Table(
    "second_factor",
    metadata,
    Column("user_id", ForeignKey(user_account.c.id), primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", Integer, nullable=False),
    Column("active_since", Instant),
)

# A code goes when it is used.
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("user_id", ForeignKey(user_account.c.id), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True),
)
