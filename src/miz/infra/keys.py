"""The keys of a practice: the database key, and the recovery key that opens everything without it.

The database key is random. It lies in a key file outside the data folder, and once more inside the data folder,
encrypted (age, X25519) to the recovery key, which the practice keeps on paper.
"""

import hmac
import secrets
from pathlib import Path
from typing import Any

import pyrage
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from miz.infra.files import write_whole
from miz.kernel.errors import MizError

KEY_BYTES = 32
KEY_BEGIN = "AGE-SECRET-KEY-1"
_GROUP = 5


class KeyMissingError(MizError):
    """The key file is not where it should be."""

    code = "key-missing"
    title = "The key file of the database is missing."
    kind = "integrity"
    hint = "Put the key file back, or name the recovery key's file in MIZ_RECOVERY_KEY_FILE."


class RecoveryKeyError(MizError):
    """The recovery key cannot be read or belongs to another practice."""

    code = "recovery-key-not-valid"
    title = "This recovery key does not belong to this practice."
    kind = "integrity"
    hint = "Check the key letter by letter; it begins with AGE-SECRET-KEY-1."


def create_keys(key_file: Path, wrapped_file: Path) -> str:
    """Make a database key, store it twice, return the recovery key (shown once, never stored)."""
    key = secrets.token_bytes(KEY_BYTES)
    recovery = pyrage.x25519.Identity.generate()
    write_whole(wrapped_file, pyrage.encrypt(key, [recovery.to_public()]))
    write_whole(key_file, key.hex().encode() + b"\n", is_private=True)
    return str(recovery)


def read_key(key_file: Path) -> bytes:
    """The database key. Raises `KeyMissingError`."""
    try:
        key = bytes.fromhex(key_file.read_text().strip())
    except (OSError, ValueError) as error:
        raise KeyMissingError("The key file {file} is missing or cannot be read.", file=str(key_file)) from error
    if len(key) != KEY_BYTES:
        raise KeyMissingError("The key file {file} is missing or cannot be read.", file=str(key_file))
    return key


def opens(recovery_key: str, wrapped_file: Path) -> bool:
    """Whether this recovery key, as somebody has typed it from paper, opens the wrapped database key."""
    try:
        pyrage.decrypt(wrapped_file.read_bytes(), [identity_of(recovery_key)])
    except (pyrage.DecryptError, RecoveryKeyError):
        return False
    return True


def unwrap_key(identity: Any, wrapped: bytes) -> bytes:
    """The database key. Raises `RecoveryKeyError`."""
    try:
        key: bytes = pyrage.decrypt(wrapped, [identity])
    except pyrage.DecryptError as error:
        raise RecoveryKeyError from error
    return key


def recover_key(recovery_key: str, wrapped_file: Path, key_file: Path) -> bytes:
    """Open the wrapped database key and write a new key file. Raises `RecoveryKeyError`."""
    try:
        key = unwrap_key(identity_of(recovery_key), wrapped_file.read_bytes())
    except OSError as error:
        raise RecoveryKeyError from error
    write_whole(key_file, key.hex().encode() + b"\n", is_private=True)
    return key


def identity_of(recovery_key: str) -> Any:
    """The recovery key, as somebody has typed it from paper, as age's identity. Raises `RecoveryKeyError`."""
    try:
        return pyrage.x25519.Identity.from_str(typed(recovery_key))
    except (pyrage.IdentityError, ValueError) as error:
        raise RecoveryKeyError("This is no recovery key.") from error


def groups_of(recovery_key: str) -> list[str]:
    """What follows `KEY_BEGIN`, in groups that a person reads and types at one go: eleven of five signs, a last one of three."""
    signs = typed(recovery_key).removeprefix(KEY_BEGIN)
    return [signs[at : at + _GROUP] for at in range(0, len(signs), _GROUP)]


def typed(text: str) -> str:
    """What somebody has typed from paper, without the spaces and in the capitals that age writes."""
    return "".join(text.split()).upper()


def server_identity(database_key: bytes) -> tuple[Any, Any]:
    """What the server opens its own backups with, and what they are encrypted for: identity and recipient of age.

    Both grow from the database key, so there is no further secret to keep.
    """
    key = Ed25519PrivateKey.from_private_bytes(hmac.digest(database_key, b"miz backup identity 1", "sha256"))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return pyrage.ssh.Identity.from_buffer(private), pyrage.ssh.Recipient.from_str(public.decode())
