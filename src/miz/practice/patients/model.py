"""What a record may hold, and what a change makes of it. Pure.

Limits: texts up to 2,000 characters, names up to 200; dates exist and a birth date is not in the future.
"""

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from miz.access.roles import SIGN_OFF
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError, misfit
from miz.kernel.partial_date import parse_partial_date
from miz.kernel.text import has_control_character
from miz.practice.errors import (
    AllergiesRecordedError,
    EntryNotFoundError,
    ImpossibleDateError,
    MedicationRecordedError,
    SignedEntryError,
    TextTooLongError,
)
from miz.wire.client_protocol import (
    Allergy,
    Condition,
    Entry,
    EntryKind,
    Medication,
    NewPatient,
    Note,
    Observation,
    Patient,
    PatientPatch,
    Trace,
)

ENTRY_TYPES: dict[EntryKind, type[Entry]] = {
    "medication": Medication, "allergies": Allergy, "conditions": Condition, "observations": Observation, "notes": Note,
}  # fmt: skip


def _body(kind: EntryKind, *, is_patch: bool) -> type[Struct]:
    """What a program sends of an entry: all but its trace. For the description of the interface; `_entry` does the checking."""
    fields = [one for one in msgspec.structs.fields(ENTRY_TYPES[kind]) if one.name not in Trace.__struct_fields__]
    shown: list[Any] = []
    for one in fields:
        if is_patch:
            shown.append((one.name, one.type | UnsetType, UNSET))
        else:
            shown.append((one.name, one.type) if one.required else (one.name, one.type, one.default))
    name = f"{'Patch' if is_patch else 'New'}{ENTRY_TYPES[kind].__name__}"
    return msgspec.defstruct(name, shown, frozen=True, kw_only=True, forbid_unknown_fields=True)


NEW_ENTRY: dict[EntryKind, type[Struct]] = {kind: _body(kind, is_patch=False) for kind in ENTRY_TYPES}
PATCH_ENTRY: dict[EntryKind, type[Struct]] = {kind: _body(kind, is_patch=True) for kind in ENTRY_TYPES}

# Fields of the patient that belong to the record and not to the identity.
MEDICAL = ("allergy_state", "medication_state", "planned")

_TRACE_FIELDS = set(Trace.__struct_fields__)
_DATE_FIELDS = {"since", "until", "measured_on", "birth_date", "year"}
_NAME_FIELDS = {
    "family_name": 200,
    "given_name": 200,
    "prefix": 100,
    "number": 40,
    "insurance_number": 40,
    "strength": 100,
    "form": 100,
    "unit": 100,
}
_TEXT_LIMIT = 2_000
_RANGES: dict[str, tuple[float, float]] = {
    "weight_kg": (0.3, 400), "height_cm": (20, 260), "egfr": (0, 200), "inr": (0.5, 20), "pregnancy_week": (0, 43), "breastfeeding": (0, 1),
}  # fmt: skip
_REQUIRED = {"family_name", "given_name", "birth_date", "text", "measured_on"}

Identity = TypeVar("Identity", NewPatient, PatientPatch)


def checked_identity(identity: Identity, today: date) -> Identity:
    """The identity with clean texts and an ISO birth date.

    Raises `InvalidInputError`, `TextTooLongError`, `ImpossibleDateError`, each naming the `field`.
    """
    clean = {name: _clean(name, value) for name, value in structs.asdict(identity).items() if value is not UNSET}
    birth_date = clean.get("birth_date")
    if birth_date and birth_date > today.isoformat()[: len(birth_date)]:
        raise ImpossibleDateError("A birth date cannot be in the future: {value}", value=birth_date, field="birth_date")
    if "planned" in clean and len(clean["planned"]) > 50:
        raise InvalidInputError("More than 50 planned items.", field="planned")
    return structs.replace(identity, **clean)


def new_entry(kind: EntryKind, given: Mapping[str, Any], *, entry_id: str, actor: Actor, now: datetime) -> Entry:
    """The first state of an entry. Raises what `checked_identity` raises."""
    return _entry(kind, given, {}, _trace(entry_id, 1, actor, now))


def changed_entry(kind: EntryKind, entry: Entry, patch: Mapping[str, Any], *, actor: Actor, now: datetime) -> Entry:
    """The next state of an entry; what the patch leaves out stays."""
    return _entry(kind, patch, structs.asdict(entry), _trace(entry.id, entry.version + 1, actor, now))


def marked_entry(entry: Entry, *, actor: Actor, now: datetime) -> Entry:
    """The entry marked as made in error."""
    marks: dict[str, Any] = {"entered_in_error": True, **({"status": "entered_in_error"} if isinstance(entry, Medication) else {})}
    return structs.replace(entry, **(_trace(entry.id, entry.version + 1, actor, now) | marks))


def former_entry(kind: EntryKind, entry: Entry, before: Mapping[str, Any] | None, *, actor: Actor, now: datetime) -> Entry:
    """The entry as it was before its last change; one that did not exist before becomes one made in error."""
    if before is None:
        return marked_entry(entry, actor=actor, now=now)
    former = msgspec.convert(before, ENTRY_TYPES[kind])
    trace = _trace(entry.id, entry.version + 1, actor, now) | {"entered_in_error": former.entered_in_error}
    return structs.replace(former, **trace)


def refuse_if_signed(record: Patient, entry: Entry, actor: Actor) -> None:
    """Raise `SignedEntryError` when the entry was signed off and the actor does not sign off."""
    is_signed = record.reviewed_at is not None and entry.changed_at <= record.reviewed_at
    if is_signed and actor.roles.isdisjoint(SIGN_OFF):
        raise SignedEntryError


def content_of(entry: Entry) -> dict[str, Any]:
    """What an entry says, without id, version and who wrote it."""
    return {name: value for name, value in structs.asdict(entry).items() if name not in _TRACE_FIELDS}


def copied_entry(entry: Entry, *, entry_id: str, actor: Actor, now: datetime) -> Entry:
    """The same said in another record."""
    return structs.replace(entry, **_trace(entry_id, 1, actor, now))


def find_entry(record: Patient, kind: EntryKind, entry_id: str) -> Entry:
    """An entry of the record. Raises `EntryNotFoundError`."""
    for entry in cast("list[Entry]", getattr(record, kind)):
        if entry.id == entry_id:
            return entry
    raise EntryNotFoundError


def with_entry(record: Patient, kind: EntryKind, entry: Entry) -> Patient:
    """The record with this entry instead of its former state, or without it when it was made in error."""
    entries = cast("list[Entry]", getattr(record, kind))
    place = next((number for number, known in enumerate(entries) if known.id == entry.id), len(entries))
    kept = [] if entry.entered_in_error else [entry]
    changed = structs.replace(record, **{kind: entries[:place] + kept + entries[place + 1 :]})
    if kind == "allergies":
        if changed.allergies:
            return structs.replace(changed, allergy_state="recorded")
        return structs.replace(changed, allergy_state="not_asked" if record.allergy_state == "recorded" else record.allergy_state)
    if kind == "medication":
        if any(entry.status != "stopped" for entry in changed.medication):
            return structs.replace(changed, medication_state="recorded")
        return structs.replace(changed, medication_state="not_asked" if record.medication_state == "recorded" else record.medication_state)
    return changed


def with_identity(record: Patient, patch: PatientPatch) -> Patient:
    """The record after a change of the patient's own fields.

    Raises `AllergiesRecordedError`, `MedicationRecordedError` where a state contradicts the lists.
    """
    if patch.allergy_state is not UNSET and record.allergies:
        raise AllergiesRecordedError
    if patch.medication_state is not UNSET and record.medication_state == "recorded":
        raise MedicationRecordedError
    return structs.replace(record, **{name: value for name, value in structs.asdict(patch).items() if value is not UNSET})


def name_words(*names: str) -> set[str]:
    """The words of names as the search compares them."""
    return {word for name in names for word in folded(name).replace("-", " ").replace("'", " ").split()}


def folded(text: str) -> str:
    """Lower case, German letters written out, accents gone: how names are compared, never how they are shown."""
    text = text.casefold().translate(_GERMAN)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)).strip()


_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def _entry(kind: EntryKind, given: Mapping[str, Any], known: Mapping[str, Any], trace: Mapping[str, Any]) -> Entry:
    shape = ENTRY_TYPES[kind]
    if foreign := sorted(set(given) - (set(shape.__struct_fields__) - _TRACE_FIELDS)):
        raise InvalidInputError("Unknown field: {field}", field=foreign[0])
    clean = {name: _clean(name, value) for name, value in given.items()}
    try:
        entry = msgspec.convert({**known, **clean, **trace}, shape)
    except msgspec.ValidationError as error:
        raise misfit(str(error)) from error
    if isinstance(entry, Observation):
        _check_range(entry)
    if isinstance(entry, Condition) and not (entry.text or entry.condition_id):
        raise InvalidInputError("A condition needs a text.", field="text")
    if isinstance(entry, Medication) and entry.status == "entered_in_error":
        raise InvalidInputError("An entry made in error is marked by DELETE.", field="status")
    return entry


def _check_range(entry: Observation) -> None:
    least, most = _RANGES[entry.kind]
    if not least <= entry.value <= most:
        raise InvalidInputError("The value must be {least} to {most}.", least=least, most=most, field="value")


def _trace(entry_id: str, version: int, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "id": entry_id,
        "version": version,
        "changed_at": now,
        "changed_by": actor.user,
        "workplace": actor.place,
        "entered_in_error": False,
    }


def _clean(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(name, part) for part in value if not isinstance(part, str) or part.strip()]
    if isinstance(value, dict):
        return {part: _clean(part, text) or "" for part, text in value.items()}
    if not isinstance(value, str):
        return value
    value = value.strip()
    limit = _NAME_FIELDS.get(name, _TEXT_LIMIT)
    if len(value) > limit:
        raise TextTooLongError(length=len(value), limit=limit, field=name)
    if has_control_character(value, allowed="\n\t"):
        raise InvalidInputError("The text holds a control character.", field=name)
    if not value:
        if name in _REQUIRED:
            raise InvalidInputError("This field must not be empty: {field}", field=name)
        return None
    if name in _DATE_FIELDS:
        parsed = parse_partial_date(value)
        if parsed is None:
            raise ImpossibleDateError(value=value[:40], field=name)
        return parsed
    return value
