"""Rows of drafts."""

from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, insert, select

from miz.infra.db.writer import Transaction
from miz.practice.tables import draft
from miz.wire.client_protocol import Draft

_SHOWN = ("id", "patient_id", "form", "user", "workplace", "saved_at", "fields")


def write_draft(tx: Transaction, made: Draft, *, application_id: str, user_id: str) -> None:
    """The newest state of a form; the former one goes."""
    delete_form(tx, made.patient_id, application_id, made.form)
    values = {name: getattr(made, name) for name in _SHOWN}
    tx.connection.execute(insert(draft).values(**values, application_id=application_id, user_id=user_id))


def delete_form(tx: Transaction, patient_id: str, application_id: str, form: str) -> bool:
    """Remove the draft of one form of a window; whether there was one."""
    mine = (draft.c.patient_id == patient_id, draft.c.application_id == application_id, draft.c.form == form)
    return tx.connection.execute(delete(draft).where(*mine)).rowcount > 0


def delete_draft(tx: Transaction, patient_id: str, draft_id: str) -> bool:
    """Remove one draft; whether there was one."""
    return tx.connection.execute(delete(draft).where(draft.c.patient_id == patient_id, draft.c.id == draft_id)).rowcount > 0


def count_drafts(connection: Connection, patient_id: str, application_id: str, *, besides: str) -> int:
    """How many forms of a window hold something unsaved, one form left out."""
    mine = (draft.c.patient_id == patient_id, draft.c.application_id == application_id, draft.c.form != besides)
    return connection.execute(select(func.count()).select_from(draft).where(*mine)).scalar_one()


def has_drafts(reader: Connection, patient_id: str, application_id: str) -> bool:
    """Whether the window holds something unsaved for this patient."""
    found = exists().where(draft.c.patient_id == patient_id, draft.c.application_id == application_id)
    return bool(reader.execute(select(found)).scalar_one())


def drafts_of_others(reader: Connection, patient_id: str, *, holder: str, user_id: str) -> list[Draft]:
    """The drafts of windows that do not have the patient open, the newest first; those of `user_id` are marked as own."""
    columns = [draft.c[name] for name in _SHOWN]
    rows = reader.execute(
        select(*columns, (draft.c.user_id == user_id).label("is_own"))
        .where(draft.c.patient_id == patient_id, draft.c.application_id != holder)
        .order_by(draft.c.saved_at.desc(), draft.c.id)
    )
    return [Draft(**row._asdict()) for row in rows]


def delete_older(tx: Transaction, before: datetime) -> None:
    """Remove drafts that nobody has wanted for long."""
    tx.connection.execute(delete(draft).where(draft.c.saved_at < before))
