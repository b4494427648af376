"""Checkpoints: signed statements about the chain, in the database and in a file outside of it. Pure."""

from datetime import datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from miz.access.audit.model import ChainCheckpoint, instant


class Checkpoint(Struct, frozen=True):
    """A signed statement: up to this entry the chain had this hash."""

    id: int
    entry_id: int
    entry_hash: bytes
    at: datetime | str
    signature: bytes = b""


class Signer:
    """Signs checkpoints (Ed25519) with the key that grows from a seed of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint with its signature."""
        return msgspec.structs.replace(checkpoint, signature=self._key.sign(_signed_part(checkpoint)))


def is_genuine(checkpoint: Checkpoint, public_key: bytes) -> bool:
    """Whether the signature fits."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(checkpoint.signature, _signed_part(checkpoint))
    except (InvalidSignature, TypeError, AttributeError):  # or a text where bytes should be
        return False
    return True


def _signed_part(checkpoint: Checkpoint) -> bytes:
    return msgspec.json.encode((checkpoint.id, checkpoint.entry_id, checkpoint.entry_hash.hex(), instant(checkpoint.at)))


def readable_checkpoint(checkpoint: Checkpoint) -> ChainCheckpoint:
    """A checkpoint as it is exported."""
    return ChainCheckpoint(
        checkpoint.id, checkpoint.entry_id, checkpoint.entry_hash.hex(), instant(checkpoint.at), checkpoint.signature.hex()
    )


def anchor_of(checkpoint: Checkpoint) -> bytes:
    """The content of the file outside of the database."""
    return msgspec.json.encode(readable_checkpoint(checkpoint)) + b"\n"


def checkpoint_in(anchor: bytes) -> Checkpoint | None:
    """The checkpoint in such a file; None when it cannot be read."""
    try:
        found = msgspec.json.decode(anchor, type=ChainCheckpoint)
        return Checkpoint(found.id, found.entry_id, bytes.fromhex(found.entry_hash), found.at, bytes.fromhex(found.signature))
    except (ValueError, UnicodeDecodeError):
        return None
