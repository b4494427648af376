"""The chain, without a database."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec import structs

from miz.access.audit import model
from miz.access.audit.model import GENESIS, AuditEntry
from miz.access.audit.signing import Checkpoint, Signer, anchor_of, checkpoint_in, is_genuine

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SIGNER = Signer(bytes(range(32)))
CHECKPOINT = SIGNER.sign(Checkpoint(3, 40, bytes(32), AT))


def sealed(**fields: Any) -> AuditEntry:
    """The first entry of a chain, with a commitment."""
    plain: dict[str, Any] = {
        "id": 1, "at": AT, "user_id": "u-1", "roles": "dentist,owner", "place": "Zimmer 1", "patient_id": "p-1", "action": "changed",
        "detail": 'patient "p-1"\n', "history_id": 7, "salt": bytes(16), "commitment": model.commitment_to(bytes(16), b"[1]"),
        "previous_hash": GENESIS, "hash": None,
    }  # fmt: skip
    entry = AuditEntry(**(plain | fields))
    return structs.replace(entry, hash=model.entry_hash(GENESIS, entry))


def test_the_hash_is_that_of_the_documentation() -> None:
    entry = sealed()
    assert entry.commitment is not None
    fields = [1, "2026-11-22T08:00:00.000000+00:00", "u-1", "dentist,owner", "Zimmer 1", "p-1", "changed", 'patient "p-1"\n', 7]
    text = json.dumps([*fields, entry.commitment.hex()], ensure_ascii=False, separators=(",", ":"))
    assert entry.hash == hashlib.sha256(GENESIS + text.encode()).digest()


def test_an_instant_counts_and_not_how_it_is_written() -> None:
    assert sealed(at=AT.astimezone(timezone(timedelta(hours=2)))).hash == sealed().hash


def test_a_sound_entry_has_no_faults() -> None:
    assert list(model.chain_faults(0, GENESIS, sealed())) == []
    assert model.history_fault(sealed(), b"[1]", is_erased=False) is None


CHANGES: list[dict[str, Any]] = [
    {"at": AT + timedelta(microseconds=1)}, {"user_id": "u-2"}, {"roles": "owner"}, {"place": ""}, {"patient_id": None}, {"action": "read"},
    {"detail": ""}, {"history_id": None}, {"commitment": bytes(32)}, {"commitment": "text"}, {"hash": bytes(32)}, {"at": "yesterday"},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_altered_field_shows(change: dict[str, Any]) -> None:
    assert list(model.chain_faults(0, GENESIS, structs.replace(sealed(), **change))) == ["altered"]


def test_gaps_and_strangers_show() -> None:
    assert list(model.chain_faults(0, GENESIS, sealed(id=2))) == ["missing_before"]
    assert list(model.chain_faults(0, bytes([1]) * 32, sealed())) == ["not_linked"]
    assert list(model.chain_faults(0, GENESIS, structs.replace(sealed(), hash=None))) == ["unsealed"]


def test_history_that_says_something_else_shows() -> None:
    assert model.history_fault(sealed(), b"[2]", is_erased=False) == "history_altered"
    assert model.history_fault(sealed(salt=None), b"[1]", is_erased=False) == "history_altered"
    assert model.history_fault(sealed(commitment=None), None, is_erased=False) == "altered", "a salt belongs to a commitment"


def test_history_may_be_gone_only_after_an_erasure() -> None:
    assert model.history_fault(sealed(), None, is_erased=False) == "history_missing"
    assert model.history_fault(sealed(salt=None), None, is_erased=True) is None
    assert sealed(salt=None).hash == sealed().hash, "erasing takes the salt and leaves the chain whole"


def test_a_signature_fits_its_checkpoint_and_key_only() -> None:
    assert is_genuine(CHECKPOINT, SIGNER.public_key)
    assert not is_genuine(CHECKPOINT, Signer(bytes(32)).public_key)
    changed: list[dict[str, Any]] = [
        {"id": 4}, {"entry_id": 41}, {"entry_hash": bytes([1]) * 32}, {"at": AT + timedelta(1)}, {"signature": b""}, {"signature": "text"},
    ]  # fmt: skip
    assert [change for change in changed if is_genuine(structs.replace(CHECKPOINT, **change), SIGNER.public_key)] == []


def test_the_anchor_brings_its_checkpoint_back() -> None:
    found = checkpoint_in(anchor_of(CHECKPOINT))
    assert found is not None
    assert is_genuine(found, SIGNER.public_key)
    assert [
        checkpoint_in(spoilt) for spoilt in (b"", b"{}", b"\xff", anchor_of(CHECKPOINT).replace(b'"signature":"', b'"signature":"x'))
    ] == [None] * 4
