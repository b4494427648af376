"""The second factor, pure: which code fits at which time, and what travels to those who set it up."""

import base64
import hmac
import re
from datetime import datetime

import pyotp
from msgspec import Struct
from msgspec.json import Decoder

SECRET_BYTES = 20
STEP_S = 30
RECOVERY_CODES = 10
RECOVERY_CODE_GROUPS = 4
RECENT_S = 600.0
"""For how long a code counts for what asks for a recent one."""

_SIX_DIGITS = re.compile(r"[0-9]{6}")


class SecondFactorState(Struct, frozen=True):
    """Whether an account has a second factor, since when, and how many recovery codes are left."""

    is_active: bool
    active_since: datetime | None = None
    recovery_codes_left: int = 0


class NewSecondFactor(Struct, frozen=True, forbid_unknown_fields=True):
    """The password is asked for: whoever passes by an open window must not set up a phone of their own."""

    password: str


class SecondFactorSecret(Struct, frozen=True):
    """Shown once: the secret to type, and the address that a QR code holds. It counts after the first right code."""

    secret: str
    address: str


class SecondFactorCode(Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the app, or a recovery code."""

    code: str


class SecondFactorRemoval(Struct, frozen=True, forbid_unknown_fields=True):
    """Both that a sign-in asks for."""

    password: str
    code: str


class RecoveryCodes(Struct, frozen=True):
    """Shown once; only their hashes are stored. The former ones are void."""

    codes: list[str]


def typed_digits(typed: str) -> str | None:
    """The six digits of an app's code as people type or paste it; None for what is none, such as a recovery code."""
    digits = re.sub(r"[\s-]", "", typed)
    return digits if _SIX_DIGITS.fullmatch(digits) else None


def matching_step(secret: bytes, digits: str, now: datetime, *, after: int) -> int | None:
    """The step of thirty seconds whose code this is: the present one or a neighbour, and later than `after`; else None."""
    codes = pyotp.TOTP(text_of(secret))
    present = step_at(now)
    fitting = [step for step in (present - 1, present, present + 1) if hmac.compare_digest(codes.generate_otp(step), digits)]
    return next((step for step in fitting if step > after), None)


def step_at(now: datetime) -> int:
    """The number of the step that an instant lies in (RFC 6238, from 1970)."""
    return int(now.timestamp()) // STEP_S


def text_of(secret: bytes) -> str:
    """The secret as apps take it (base 32)."""
    return base64.b32encode(secret).decode()


def app_address(secret: bytes, *, user: str, practice: str) -> str:
    """What the QR code tells the app: secret, user and practice."""
    return str(pyotp.TOTP(text_of(secret)).provisioning_uri(name=user, issuer_name=practice))


# Learnt here, while there is one thread; see the end of `wire.client_protocol`.
for _shape in (SecondFactorState, NewSecondFactor, SecondFactorSecret, SecondFactorCode, SecondFactorRemoval, RecoveryCodes):
    Decoder(_shape)
