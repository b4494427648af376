"""What an erasure needs: reasons, the time a record is kept, the typed name. Pure."""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.json import Decoder

from miz.practice.erasure.errors import RetentionNotOverError
from miz.practice.patients.model import folded
from miz.wire.client_protocol import PatientLine

Reason = Literal["retention_over", "patient_request", "entered_by_mistake", "other"]


class ErasureReason(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a request for an erasure."""

    reason: Reason


class ErasureConfirmation(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of the confirmation: family name and given name of the patient, in any order."""

    name: str


class ErasureRequest(Struct, frozen=True):
    """A patient whose erasure was asked for; `may_confirm` is about whoever reads this."""

    patient: PatientLine
    reason: str
    requested_at: datetime
    requested_by: str
    last_entry_at: datetime | None
    is_early: bool
    may_confirm: bool


class KeptRecord(Struct, frozen=True):
    """A patient and when something was entered last; None where no history tells."""

    patient: PatientLine
    last_entry_at: datetime | None
    is_early: bool


class Erasures(Struct, frozen=True):
    """What waits for a second person, and whose retention is over: the oldest hundred of `due_count`."""

    retention_years: int
    needs_second_person: bool
    requests: list[ErasureRequest]
    due: list[KeptRecord]
    due_count: int
    erased_count: int


def kept_since(now: datetime, years: int) -> datetime:
    """Records whose last entry is older than this need not be kept any more."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:  # 29 February
        return now.replace(year=now.year - years, day=28)


def is_early(last_entry_at: datetime | None, now: datetime, years: int) -> bool:
    """Whether the record has to be kept still; one without a history counts as new."""
    return last_entry_at is None or last_entry_at >= kept_since(now, years)


def check_reason(reason: str, last_entry_at: datetime | None, now: datetime, years: int) -> None:
    """Raise `RetentionNotOverError` when the reason says what is not so."""
    if reason == "retention_over" and is_early(last_entry_at, now, years):
        last = (last_entry_at or now).astimezone(UTC)
        raise RetentionNotOverError(year=last.year + years)


def is_name_of(typed: str, family_name: str, given_name: str) -> bool:
    """Whether these are the patient's names; order, capitals and commas do not matter."""
    words, wanted = (folded(text.replace(",", " ")).split() for text in (typed, f"{family_name} {given_name}"))
    return sorted(words) == sorted(wanted)


# Learnt here, while there is one thread; see the end of `wire.client_protocol`.
for _shape in (ErasureReason, ErasureConfirmation, Erasures):
    Decoder(_shape)
