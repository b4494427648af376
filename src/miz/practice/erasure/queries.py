"""Reading what is to be erased: requests that wait, records that need not be kept any more."""

from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from miz.access import users
from miz.kernel.actor import Actor
from miz.practice.erasure import model
from miz.practice.erasure.model import ErasureRequest, Erasures, KeptRecord
from miz.practice.erasure.rows import LAST_ENTRY
from miz.practice.patients import queries as patients
from miz.practice.tables import erased_patient, erasure_request, patient
from miz.wire.client_protocol import PatientLine

DUE_LIMIT = 100
_MAY_CONFIRM = {"owner", "dentist"}


def needs_second_person(reader: Connection) -> bool:
    """Whether two people who can sign in may confirm an erasure."""
    able = [user for user in users.all_users(reader) if not user.is_disabled and user.password_hash and _MAY_CONFIRM & {*user.roles}]
    return len(able) > 1


def may_confirm(reader: Connection, actor: Actor, requested_by_id: str) -> bool:
    """Whether the actor is the person who can confirm what this user has asked for.

    Whoever owns the data folder may be anybody, so also the one who has asked.
    """
    return not needs_second_person(reader) or (actor.user_id != requested_by_id and "local" not in actor.roles)


def erasures(reader: Connection, actor: Actor, now: datetime, years: int, *, is_whole: bool) -> Erasures:
    """What waits, and, with `is_whole`, whose retention is over."""
    needs_second = needs_second_person(reader)
    rows = reader.execute(
        select(erasure_request, LAST_ENTRY.label("last_entry_at"))
        .join(patient, patient.c.id == erasure_request.c.patient_id)
        .order_by(erasure_request.c.requested_at)
    ).all()
    lines = {line.id: line for line in patients.read_lines(reader, [row.patient_id for row in rows])}
    requests = [
        ErasureRequest(
            lines[row.patient_id], row.reason, row.requested_at, row.requested_by, row.last_entry_at,
            model.is_early(row.last_entry_at, now, years), may_confirm(reader, actor, row.user_id),
        )
        for row in rows if row.patient_id in lines
    ]  # fmt: skip
    due, count = _due(reader, now, years) if is_whole else ([], 0)
    erased = int(reader.execute(select(func.count()).select_from(erased_patient)).scalar_one())
    return Erasures(years, needs_second, requests, due, count, erased)


def kept_records(reader: Connection, lines: list[PatientLine], now: datetime, years: int) -> list[KeptRecord]:
    """These patients with what matters for an erasure."""
    chosen = select(patient.c.id, LAST_ENTRY.label("last_entry_at")).where(patient.c.id.in_([line.id for line in lines]))
    last = {row.id: row.last_entry_at for row in reader.execute(chosen)}
    return [KeptRecord(line, last.get(line.id), model.is_early(last.get(line.id), now, years)) for line in lines]


def _due(reader: Connection, now: datetime, years: int) -> tuple[list[KeptRecord], int]:
    since = model.kept_since(now, years)
    is_asked = select(erasure_request.c.patient_id).where(erasure_request.c.patient_id == patient.c.id).exists()
    # The row itself knows of most who were here since; only for the others the history is looked at.
    is_quiet = or_(patient.c.changed_at.is_(None), patient.c.changed_at < since)
    over = select(patient.c.id).where(patient.c.merged_into.is_(None), is_quiet, since > LAST_ENTRY, ~is_asked)
    ids = reader.execute(over.order_by(LAST_ENTRY, patient.c.id).limit(DUE_LIMIT)).scalars().all()
    count = len(ids) if len(ids) < DUE_LIMIT else int(reader.execute(select(func.count()).select_from(over.subquery())).scalar_one())
    return kept_records(reader, patients.read_lines(reader, ids), now, years), count
