"""What a lease is, and what is asked of who takes one over. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from miz.kernel.errors import InvalidInputError
from miz.practice.errors import ReasonMissingError
from miz.wire.client_protocol import TakeOverReason

REASON_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may write to a patient, by which token, since when."""

    patient_id: str
    application_id: str
    fencing_token: str
    acquired_at: datetime


@dataclass(frozen=True, slots=True)
class OpeningState:
    """What decides on an opening: the patient's token, who has it open, the server's mode, the record it went into.

    `version` and `planned_on` say how old the record is that an opening answers with; `own_patient_id` is what the
    opening window has open.
    """

    fencing_token: str
    holder_id: str | None
    mode: str
    merged_into: str | None
    version: int
    planned_on: str | None
    own_patient_id: str | None = None


def checked_reason(reason: str, *, is_needed: bool) -> str:
    """The reason without blanks around it. Raises `ReasonMissingError`, `InvalidInputError`."""
    reason = reason.strip()
    if is_needed and not reason:
        raise ReasonMissingError(field="reason")
    if len(reason) > REASON_LIMIT:
        raise InvalidInputError("A reason has up to {limit} characters.", limit=REASON_LIMIT, field="reason")
    return reason


def reason_code(reason: str) -> str:
    """The reason's code for the audit trail, which holds no free text: what is in nobody's list is `other`."""
    return reason if reason in get_args(TakeOverReason) else "other" if reason else ""
