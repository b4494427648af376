"""Secrets that travel: tokens that browsers keep, codes that people read and type. Only hashes are stored.

A code is long enough by chance that a plain hash suffices; a password is not (`passwords`).
"""

import hashlib
import secrets

# Without 0 and O, 1, I and L: nobody who reads a code aloud or from paper takes one for the other.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
GROUP = 4


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


def new_code(groups: int) -> str:
    """A code of `groups` times four characters: `K7QM-2XPD`."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(groups))


def token_hash(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def code_hash(typed: str) -> bytes:
    """What is stored of a code; capitals, blanks and dashes do not matter."""
    return token_hash("".join(character for character in typed.upper() if character.isalnum()))
