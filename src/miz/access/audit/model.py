"""The chain, pure: what is hashed, what is wrong with an entry, and what travels to those who ask."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

GENESIS = bytes(32)
"""What stands in the place of the hash before the first entry."""

ERASED = "erased"
"""The action after which the history of a patient, and what the entries commit to it with, is gone."""

Fault = Literal[
    "missing_before",  # the ids have a gap in front of this entry
    "altered",  # the entry does not fit its hash
    "not_linked",  # the entry does not follow the one before it
    "unsealed",  # an entry without a hash, although later ones have one
    "history_altered",  # the history does not hold any more what the entry commits to
    "history_missing",  # the history line is gone, and no erasure is recorded
    "checkpoint_missing",  # the ids of the checkpoints have a gap
    "checkpoint_broken",  # the signature of the checkpoint does not fit
    "checkpoint_differs",  # the entry is gone or is not the one that was signed
    "anchor_missing",  # the file outside of the database is gone
    "anchor_broken",  # the file cannot be read, or its signature does not fit
    "anchor_differs",  # the entry in the file is not in the database: cut off, or an old database put back
]


class AuditEntry(Struct, frozen=True):
    """One entry as the table holds it; without `hash` it waits for being sealed. Nobody promises what a verification reads."""

    id: int
    at: datetime | str
    user_id: str
    roles: str
    place: str
    patient_id: str | None
    action: str
    detail: str
    history_id: int | None
    salt: bytes | None
    commitment: bytes | None
    previous_hash: bytes | None
    hash: bytes | None


class Finding(Struct, frozen=True):
    """Something that must not be, and the entry where it shows."""

    entry_id: int | None
    fault: Fault


class Report(Struct, frozen=True):
    """What a verification has seen. It ends at the first thousand findings."""

    entries: int
    checkpoints: int
    ok: bool
    findings: list[Finding]


class AuditSearch(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /audit/search`; what is left out does not narrow. `before` is the `next` of the page before."""

    patient_id: str | None = None
    user: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    limit: int = 100


class AuditLine(Struct, frozen=True):
    """One entry for people: ids and codes, and the user's name as it is today."""

    id: int
    at: datetime
    user_id: str
    user: str
    roles: list[str]
    place: str
    patient_id: str | None
    action: str
    detail: str
    history_id: int | None


class AuditLines(Struct, frozen=True):
    """A page of entries, newest first; `next` goes on from here, None at the end."""

    items: list[AuditLine]
    next: int | None = None


class ChainEntry(Struct, frozen=True):
    """A sealed entry with its hashes in hexadecimal; the fields up to `commitment` are hashed, in this order."""

    id: int
    at: str
    user_id: str
    roles: str
    place: str
    patient_id: str | None
    action: str
    detail: str
    history_id: int | None
    commitment: str | None
    previous_hash: str
    hash: str


class ChainCheckpoint(Struct, frozen=True):
    """A checkpoint in hexadecimal; the fields up to `at` are signed, in this order."""

    id: int
    entry_id: int
    entry_hash: str
    at: str
    signature: str


class ChainPart(Struct, frozen=True):
    """A stretch of the chain for people who want to compute it themselves."""

    public_key: str
    entries: list[ChainEntry]
    checkpoints: list[ChainCheckpoint]


def entry_hash(previous_hash: bytes, entry: AuditEntry) -> bytes:
    """The hash that seals `entry` behind the entry with `previous_hash`. The salt is not in it: erasing may remove it."""
    fields = (
        entry.id, instant(entry.at), entry.user_id, entry.roles, entry.place, entry.patient_id, entry.action, entry.detail,
        entry.history_id, entry.commitment.hex() if entry.commitment else None,
    )  # fmt: skip
    return hashlib.sha256(previous_hash + msgspec.json.encode(fields)).digest()


def commitment_to(salt: bytes, evidence: bytes) -> bytes:
    """The hash that says nothing about `evidence` and fits nothing else."""
    return hashlib.sha256(salt + evidence).digest()


def instant(at: datetime | str) -> str:
    """An instant as it is hashed and signed; a text is taken as the database holds it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(at, datetime) else at


def chain_faults(previous_id: int, previous_hash: bytes | None, entry: AuditEntry) -> Sequence[Fault]:
    """What is wrong with a sealed entry behind the one before it."""
    if entry.hash is None or entry.previous_hash is None:
        return ("unsealed",)
    faults: list[Fault] = []
    if entry.id != previous_id + 1:
        faults.append("missing_before")
    elif entry.previous_hash != previous_hash:
        faults.append("not_linked")
    if not _fits_hash(entry):
        faults.append("altered")
    return faults


def _fits_hash(entry: AuditEntry) -> bool:
    try:
        return entry_hash(entry.previous_hash or b"", entry) == entry.hash
    except (TypeError, AttributeError):  # a text where bytes should be
        return False


def history_fault(entry: AuditEntry, evidence: bytes | None, *, is_erased: bool) -> Fault | None:
    """What is wrong with the history line that an entry commits to; `evidence` is what the line says now.

    The number of an erased line may have been given to another one since: then its evidence is not that of this entry, whose salt is gone.
    """
    if entry.commitment is None:
        return "altered" if entry.salt is not None else None
    if is_erased and (evidence is None or entry.salt is None):
        return None
    if evidence is None:
        return "history_missing"
    fits = isinstance(entry.salt, bytes) and commitment_to(entry.salt, evidence) == entry.commitment
    return None if fits else "history_altered"


def readable(entry: AuditEntry) -> ChainEntry:
    """A sealed entry as it is exported."""
    return ChainEntry(
        entry.id, instant(entry.at), entry.user_id, entry.roles, entry.place, entry.patient_id, entry.action, entry.detail, entry.history_id,
        entry.commitment.hex() if entry.commitment else None, (entry.previous_hash or b"").hex(), (entry.hash or b"").hex(),
    )  # fmt: skip


# Learnt here, while there is one thread; see the end of `wire.client_protocol`.
for _shape in (AuditSearch, AuditLines, ChainCheckpoint, ChainPart, Report):
    Decoder(_shape)
