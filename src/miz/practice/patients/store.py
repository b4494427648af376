"""Rows of a patient's record, the writing side: the guarded write, the entries, the history."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import bindparam, delete, exists, insert, select, update

from miz.infra.db.prepared import Prepared
from miz.infra.db.writer import Transaction
from miz.kernel.actor import Actor
from miz.kernel.fencing import FIRST
from miz.practice.errors import PatientNotFoundError, StaleFencingTokenError
from miz.practice.patients.model import folded, name_words
from miz.practice.patients.rows import ENTRY_TABLES, IDENTITY, SELECT_VERSION, evidence
from miz.practice.tables import change, client_application, confirmation, decision, lease, patient, patient_word
from miz.wire.client_protocol import Confirmation, Decision, Entry, EntryKind, Patient

KEY_LIMIT = 200

# A token counts only while its lease stands, and in the session of the window that holds it: tokens count up, so every
# other one could be guessed. Nobody writes to a merged record.
# Subqueries of one table each: SQLite plans a statement with joins anew at each run, which costs ten times the run.
_HOLDING_SESSION = select(client_application.c.session_id).where(client_application.c.id == lease.c.application_id).scalar_subquery()
_HAS_LEASE = exists().where(
    lease.c.patient_id == patient.c.id, lease.c.fencing_token == patient.c.fencing_token, bindparam("of_session") == _HOLDING_SESSION
)
_IS_OPEN = (patient.c.fencing_token == bindparam("token")) & patient.c.merged_into.is_(None) & _HAS_LEASE
_RAISE = update(patient).where(patient.c.id == bindparam("of_patient"), _IS_OPEN)
_MEDICAL = {"changed_at": bindparam("now"), "is_unreviewed": True}
_GUARDED = Prepared(_RAISE.values(version=patient.c.version + 1, **_MEDICAL).returning(patient.c.version))
_GUARDED_ASIDE = Prepared(_RAISE.values(version=patient.c.version + 1).returning(patient.c.version))
_INSERT_ENTRY = {kind: Prepared(insert(table)) for kind, table in ENTRY_TABLES.items()}
_INSERT_CHANGE = Prepared(insert(change).returning(change.c.id))


def guard(tx: Transaction, actor: Actor, patient_id: str, token: str, *, is_medical: bool = True) -> int:
    """Raise the patient's version if, and only if, `token` is the one that may write, and the actor's; returns the new version.

    The one place where the lease of a write is decided: inside the writing transaction, on the row itself. A medical
    change is one that the dentist signs off. Raises `StaleFencingTokenError`, `PatientNotFoundError`.
    """
    shown = {"of_patient": patient_id, "token": token, "of_session": actor.session_id}
    raised = _GUARDED.run(tx.connection, shown | {"now": tx.now}) if is_medical else _GUARDED_ASIDE.run(tx.connection, shown)
    if not raised:
        if not SELECT_VERSION.run(tx.connection, {"of_patient": patient_id}):
            raise PatientNotFoundError
        raise StaleFencingTokenError
    return int(raised[0][0])


def insert_patient(tx: Transaction, record: Patient) -> None:
    """A new patient's row and the words the search finds it by."""
    identity = {name: getattr(record, name) for name in IDENTITY}
    tx.connection.execute(
        insert(patient).values(
            id=record.id, **identity, is_sample=record.is_sample, allergy_answer="not_asked", takes_nothing=False, planned=[],
            version=record.version, fencing_token=FIRST, **_keys(record),
        )
    )  # fmt: skip
    _write_words(tx, record)


def update_identity(tx: Transaction, record: Patient, today: date, *, is_renamed: bool) -> None:
    """The patient's own fields; the version was raised by `guard`."""
    values: dict[str, Any] = {name: getattr(record, name) for name in IDENTITY}
    values |= {"planned": record.planned, "planned_on": today.isoformat() if record.planned else None, **_keys(record)}
    values |= {"allergy_answer": record.allergy_state if record.allergy_state != "recorded" else "not_asked"}
    values |= {"takes_nothing": record.medication_state == "none", "allergies_asked_at": record.allergies_asked_at}
    tx.connection.execute(update(patient).where(patient.c.id == record.id).values(**values))
    if is_renamed:
        tx.connection.execute(delete(patient_word).where(patient_word.c.patient_id == record.id))
        _write_words(tx, record)


def insert_entry(tx: Transaction, patient_id: str, kind: EntryKind, entry: Entry) -> None:
    _INSERT_ENTRY[kind].run(tx.connection, {"patient_id": patient_id, **_entry_values(entry)})


def update_entry(tx: Transaction, kind: EntryKind, entry: Entry) -> None:
    table = ENTRY_TABLES[kind]
    tx.connection.execute(update(table).where(table.c.id == entry.id).values(**_entry_values(entry)))


def update_review(tx: Transaction, record: Patient) -> None:
    """When and by whom the record was signed off."""
    tx.connection.execute(
        update(patient)
        .where(patient.c.id == record.id)
        .values(reviewed_at=record.reviewed_at, reviewed_by=record.reviewed_by, is_unreviewed=False)
    )


def write_confirmation(tx: Transaction, patient_id: str, confirmed: Confirmation) -> None:
    """The newest confirmation of a group of questions."""
    mine = (confirmation.c.patient_id == patient_id, confirmation.c.group_id == confirmed.group_id)
    tx.connection.execute(delete(confirmation).where(*mine))
    tx.connection.execute(insert(confirmation).values(patient_id=patient_id, **structs.asdict(confirmed)))


def write_decision(tx: Transaction, patient_id: str, decided: Decision) -> None:
    """The newest decision on the same findings."""
    mine = (decision.c.patient_id == patient_id, decision.c.findings_key == decided.findings_key)
    tx.connection.execute(delete(decision).where(*mine))
    tx.connection.execute(insert(decision).values(patient_id=patient_id, **structs.asdict(decided)))


def set_merged_into(tx: Transaction, patient_id: str, into_id: str | None) -> int:
    """Say which record this one went into, or that it stands by itself again; returns the new version."""
    raised = update(patient).where(patient.c.id == patient_id).values(merged_into=into_id, version=patient.c.version + 1)
    return int(tx.connection.execute(raised.returning(patient.c.version)).scalar_one())


def write_change(
    tx: Transaction, actor: Actor, *, patient_id: str, version: int, kind: str, entry_id: str, action: str,
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None,
) -> tuple[int, bytes]:  # fmt: skip
    """One line of history: who, when, where, and both states whole. Returns its id and what the audit trail commits to."""
    values = {
        "patient_id": patient_id, "version": version, "kind": kind, "entry_id": entry_id, "action": action, "changed_at": tx.now,
        "changed_by": actor.user, "user_id": actor.user_id, "workplace": actor.place, "before": before, "after": after,
    }  # fmt: skip
    history_id = int(_INSERT_CHANGE.run(tx.connection, values)[0][0])
    return history_id, evidence({**values, "before": msgspec.json.encode(before), "after": msgspec.json.encode(after)})


def _entry_values(entry: Entry) -> dict[str, Any]:
    values = structs.asdict(entry)
    if values.get("dose") is not None:
        values["dose"] = structs.asdict(values["dose"])
    return values


def _keys(record: Patient) -> dict[str, str]:
    # Written out a name may grow beyond its column: ligatures become whole words.
    return {"family_key": folded(record.family_name)[:KEY_LIMIT], "given_key": folded(record.given_name)[:KEY_LIMIT]}


def _write_words(tx: Transaction, record: Patient) -> None:
    words = {word[:KEY_LIMIT] for word in name_words(record.family_name, record.given_name)}
    if words:
        tx.connection.execute(insert(patient_word), [{"word": word, "patient_id": record.id} for word in sorted(words)])
