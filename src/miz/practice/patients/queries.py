"""Reading patients: search, one record, its history. Needs no lease and takes none."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, Select, String, bindparam, exists, func, select, type_coerce

from miz.infra.db.prepared import Prepared
from miz.kernel.actor import Actor
from miz.kernel.partial_date import parse_partial_date
from miz.practice.errors import PatientNotFoundError
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.model import folded, name_words
from miz.practice.patients.rows import load_record
from miz.practice.tables import IS_CHANGED_SINCE_REVIEW, change, patient, patient_merge, patient_word
from miz.wire.client_protocol import Change, Merge, Patient, PatientLine, ReviewLine

_LINE = ("id", "family_name", "given_name", "birth_date", "sex", "prefix", "number", "is_sample")
_LINE_COLUMNS = [patient.c[name] for name in _LINE]
# A record that went into another one is found under that one only.
_SELECT_LINE = select(*_LINE_COLUMNS).where(patient.c.merged_into.is_(None))
# Versions decide, not clocks, which may be set back. What the record began with is no change of it (version 1), and what
# is planned for the day is no medical one.
_signed = change.alias("signed")
_SIGNED_VERSION = (
    select(func.max(_signed.c.version))
    .where(_signed.c.patient_id == patient.c.id, _signed.c.action == "reviewed")
    .correlate(patient)
    .scalar_subquery()
)
_SINCE_REVIEW = (
    (change.c.patient_id == patient.c.id)
    & (change.c.version > func.coalesce(_SIGNED_VERSION, 1))
    & func.coalesce(type_coerce(change.c.after, String), "").not_like('{"planned"%')
)
_SELECT_REVIEWS = (
    select(
        *_LINE_COLUMNS,
        patient.c.changed_at,
        select(func.count()).where(_SINCE_REVIEW).correlate(patient).scalar_subquery().label("changes"),
        select(change.c.changed_by)
        .where(_SINCE_REVIEW)
        .order_by(change.c.version.desc(), change.c.id.desc())
        .limit(1)
        .correlate(patient)
        .scalar_subquery()
        .label("changed_by"),
    )
    .where(*IS_CHANGED_SINCE_REVIEW)
    .order_by(patient.c.changed_at.desc())
)
_LAST = "\U0010ffff"
# How many times as many as are shown are put in order, and from when on a word counts as common.
_CANDIDATES = 4
_MANY = 1_000
_some_bearers = select(patient_word.c.word).where(patient_word.c.word >= bindparam("least"), patient_word.c.word < bindparam("beyond"))
_COUNT_BEARERS = Prepared(select(func.count()).select_from(_some_bearers.limit(_MANY).subquery()))


def find_patients(reader: Connection, text: str, *, limit: int, today: date) -> list[PatientLine]:
    """Patients by name, part of a name, date of birth (`120348`, `12.3.48`, `12.03.1948`) or number; at most `limit`.

    Several words must all fit: `must eri` finds MUSTER, Erika. Family names come before other words of a name. When far more fit than
    are asked for, those that come after the family names are some of them, not the first by name: a search costs what it shows.
    """
    text = text.strip()
    if "\0" in text:  # no name has one, and PostgreSQL knows no such text
        return []
    birth_date = birth_date_in(text, today)
    if birth_date is not None or text.isdigit():
        # Six digits may be either; a number typed in full is meant, so it comes first.
        by_number = _lines(reader, _by_number(text), limit) if text.isdigit() else []
        by_birth_date = _lines(reader, _by_birth_date(birth_date), limit) if birth_date else []
        is_whole = [line for line in by_number if line.number == text]
        return list({line.id: line for line in (*is_whole, *by_birth_date, *by_number)}.values())[:limit]
    words = sorted(name_words(re.sub(r"[,.;]", " ", text)), key=len, reverse=True)[:6]
    if not words:
        return []
    found: dict[str, PatientLine] = {}
    for family_name, given_name in _readings(text):
        found |= {line.id: line for line in _lines(reader, _by_names(family_name, given_name), limit) if line.id not in found}
    if len(found) < limit:
        rarest_first = sorted(words, key=lambda word: _bearers(reader, word)) if len(words) > 1 else words
        found |= {line.id: line for line in _lines(reader, _by_words(rarest_first, limit), limit) if line.id not in found}
    return list(found.values())[:limit]


def read_patient(reader: Connection, memory: RecordMemory, actor: Actor, patient_id: str, today: date) -> Patient:
    """The record as the actor may see it: reception alone sees identity and allergies. Raises `PatientNotFoundError`."""
    return visible(load_record(reader, memory, patient_id, today), actor)


def visible(record: Patient, actor: Actor) -> Patient:
    """The part of a record that the actor's roles may see."""
    if actor.roles & {"dentist", "assistant", "owner", "local"}:
        return record
    return structs.replace(
        record, is_restricted=True, medication=[], conditions=[], observations=[], notes=[], planned=[], confirmations=[], decisions=[]
    )


def reviews(reader: Connection, *, limit: int = 100) -> list[ReviewLine]:
    """Patients whose record was changed since it was last signed off, the newest change first."""
    rows = [row._asdict() for row in reader.execute(_SELECT_REVIEWS.limit(limit))]
    return [
        ReviewLine(
            patient=PatientLine(**{name: row[name] for name in _LINE}), changed_at=row["changed_at"], changed_by=row["changed_by"] or "",
            changes=row["changes"],
        )
        for row in rows
    ]  # fmt: skip


def count_reviews(reader: Connection) -> int:
    """How many patients `reviews` would list without a limit."""
    return int(reader.execute(select(func.count()).select_from(patient).where(*IS_CHANGED_SINCE_REVIEW)).scalar_one())


def possible_duplicates(reader: Connection, record: Patient) -> list[PatientLine]:
    """Other records that may be of the same person: same names and birth date, or same insurance number. A suggestion only."""
    names = (patient.c.family_key == folded(record.family_name)) & (patient.c.given_key == folded(record.given_name))
    found = _lines(reader, _SELECT_LINE.where(names, patient.c.birth_date == record.birth_date), 20)
    if record.insurance_number:
        found += _lines(reader, _SELECT_LINE.where(patient.c.insurance_number == record.insurance_number), 20)
    return [line for line in {line.id: line for line in found}.values() if line.id != record.id]


def merges(reader: Connection, patient_id: str) -> list[Merge]:
    """The merges of a record into this one and of this one, the newest first."""
    of_patient = (patient_merge.c.into_id == patient_id) | (patient_merge.c.from_id == patient_id)
    shown = [patient_merge.c[name] for name in Merge.__struct_fields__ if name != "kept"]
    return [Merge(**row._asdict()) for row in reader.execute(select(*shown).where(of_patient).order_by(patient_merge.c.merged_at.desc()))]


def read_lines(reader: Connection, patient_ids: Sequence[str]) -> list[PatientLine]:
    """These patients in this order; unknown ids are left out."""
    found = {line.id: line for line in _lines(reader, _SELECT_LINE.where(patient.c.id.in_(patient_ids)), len(patient_ids))}
    return [found[patient_id] for patient_id in patient_ids if patient_id in found]


def all_patient_ids(reader: Connection) -> list[str]:
    """The ids of all patients, by name."""
    return list(reader.execute(select(patient.c.id).order_by(patient.c.family_key, patient.c.given_key)).scalars())


def read_history(reader: Connection, patient_id: str, *, limit: int = 200) -> list[Change]:
    """What was changed by whom, when and where; newest first. Raises `PatientNotFoundError`."""
    if reader.execute(select(patient.c.id).where(patient.c.id == patient_id)).first() is None:
        raise PatientNotFoundError
    shown = ("id", "kind", "entry_id", "action", "changed_at", "changed_by", "workplace", "version", "before", "after")
    rows = reader.execute(
        select(*(change.c[name] for name in shown)).where(change.c.patient_id == patient_id).order_by(change.c.id.desc()).limit(limit)
    )
    return [Change(**{**row._asdict(), "id": str(row.id)}) for row in rows]


def birth_date_in(text: str, today: date) -> str | None:
    """The ISO form of a date of birth as a receptionist types it; two-digit years are the last hundred years."""
    compact = re.fullmatch(r"(\d{2})(\d{2})(\d{2}|\d{4})", text)
    dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{2}|\d{4})", text)
    found = compact or dotted
    if found is None:
        return parse_partial_date(text) if re.fullmatch(r"\d{4}-\d{2}(-\d{2})?|\d{1,2}\.\d{4}", text) else None
    day, month, year = found.groups()
    if len(year) == 2:
        century = today.year // 100 * 100
        year = str(century + int(year) if century + int(year) <= today.year else century - 100 + int(year))
    return parse_partial_date(f"{day}.{month}.{year}")


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """How names are typed: `muster`, `muster, eri`, `muster erika`; also the other way round, `erika muster`."""
    first, *others = folded(text).replace(",", " ").split() or [""]
    yield first, " ".join(others)
    if others:
        yield others[-1], " ".join([first, *others[:-1]])


def _by_names(family_name: str, given_name: str) -> Select[Any]:
    """Walks the name index in its order."""
    found = _SELECT_LINE.where(_begins(patient.c.family_key, family_name))
    if given_name:
        found = found.where(_begins(patient.c.given_key, given_name))
    return found.order_by(patient.c.family_key, patient.c.given_key, patient.c.id)


def _by_number(text: str) -> Select[Any]:
    return _SELECT_LINE.where(_begins(patient.c.number, text)).order_by(patient.c.number)


def _by_birth_date(birth_date: str) -> Select[Any]:
    return _SELECT_LINE.where(_begins(patient.c.birth_date, birth_date)).order_by(
        patient.c.birth_date, patient.c.family_key, patient.c.given_key
    )


def _by_words(words: list[str], limit: int) -> Select[Any]:
    """Goes through the bearers of the first word until enough of them bear the others, too."""
    bearer, other = patient_word.alias(), patient_word.alias()
    candidates = select(bearer.c.patient_id).where(
        _begins(bearer.c.word, words[0]),
        *(exists().where(other.c.patient_id == bearer.c.patient_id, _begins(other.c.word, word)) for word in words[1:]),
    )
    enough = candidates.order_by(bearer.c.word, bearer.c.patient_id).limit(limit * _CANDIDATES)
    return _SELECT_LINE.where(patient.c.id.in_(enough)).order_by(patient.c.family_key, patient.c.given_key, patient.c.id)


def _bearers(reader: Connection, word: str) -> int:
    """How many bear a word; beyond `_MANY` it is not counted on."""
    return int(_COUNT_BEARERS.run(reader, {"least": word, "beyond": word + _LAST})[0][0])


def _begins(column: Any, prefix: str) -> Any:
    return (column >= prefix) & (column < prefix + _LAST)


def _lines(reader: Connection, statement: Select[Any], limit: int) -> list[PatientLine]:
    return [PatientLine(**row._asdict()) for row in reader.execute(statement.limit(limit))]
