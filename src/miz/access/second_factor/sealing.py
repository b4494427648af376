"""Secrets that must be read again are stored sealed, so that a database that is not encrypted itself does not tell them."""

import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_NONCE_BYTES = 12


class Seal:
    """Seals and opens with a key that grows from the database key, so there is no further secret to keep.

    A sealed secret belongs to its user: put into another user's row it does not open.
    """

    def __init__(self, database_key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(hmac.digest(database_key, b"miz second factor secrets 1", "sha256"))

    def close(self, secret: bytes, user_id: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, user_id.encode())

    def open(self, sealed: bytes, user_id: str) -> bytes:
        """Raises `cryptography.exceptions.InvalidTag` for what was not sealed for this user with this key."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], user_id.encode())
