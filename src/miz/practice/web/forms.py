"""What people type into forms, as the services take it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast, get_args

from miz.infra.http import Call
from miz.kernel.errors import InvalidInputError, MizError
from miz.practice.web.frame import Frame, Lock
from miz.ui.face import look_of
from miz.ui.i18n import translator
from miz.wire.client_protocol import NewPatient, ObservationKind, Sex

IDENTITY_FIELDS = ("family_name", "given_name", "prefix", "birth_date", "sex", "number", "insurance_number")
_DOSE_TIMES = ("morning", "noon", "evening", "night")


@dataclass(frozen=True, kw_only=True)
class NewPatientPage:
    """Who a new patient is."""

    template: ClassVar[str] = "new_patient.html"
    frame: Frame
    values: Mapping[str, str]
    errors: dict[str, str]
    idempotency_key: str
    lock: Lock


def new_key() -> str:
    """An idempotency key: one for each form shown."""
    return uuid.uuid4().hex


def identity_from(form: Mapping[str, str]) -> NewPatient:
    """A new patient as typed; `model.checked_identity` judges the content."""
    sex = form.get("sex") or "unknown"
    if sex not in get_args(Sex):
        raise InvalidInputError("Unknown field: {field}", field="sex")
    texts: dict[str, Any] = {name: form.get(name, "") for name in IDENTITY_FIELDS if name != "sex"}
    return NewPatient(**texts, sex=cast("Sex", sex))


def medication_from(form: Mapping[str, str], *, is_new: bool) -> dict[str, Any]:
    """An entry of the medication; empty dose fields mean that nobody has said anything, not zero."""
    dose = {time: form.get(time, "").strip() for time in _DOSE_TIMES}
    entry: dict[str, Any] = {"dose": dose if any(dose.values()) else None}
    entry |= {name: form[name] for name in ("strength", "form", "unit", "reason", "note", "dose_text", "since") if name in form}
    if form.get("as_needed"):
        entry["status"] = "as_needed"
    elif not is_new and "as_needed_shown" in form:
        entry["status"] = "active"
    if is_new:
        entry |= {"text": form.get("text", ""), "drug_id": form.get("drug_id") or None}
    return entry


def allergy_from(form: Mapping[str, str]) -> dict[str, Any]:
    """An entry of the allergies."""
    entry: dict[str, Any] = {name: form.get(name, "") for name in ("text", "reaction", "year")}
    return entry | {"onset": form.get("onset") or "unknown", "severity": form.get("severity") or "unknown"}


def condition_from(form: Mapping[str, str]) -> dict[str, Any]:
    """An entry of the conditions."""
    return {
        "text": form.get("text", ""),
        "answer": form.get("answer") or "yes",
        "since": form.get("since", ""),
        "detail": form.get("detail", ""),
    }


def observation_from(form: Mapping[str, str], today: str) -> dict[str, Any]:
    """A measured value; a decimal comma is understood."""
    kind = form.get("kind", "")
    if kind not in get_args(ObservationKind):
        raise InvalidInputError("Unknown field: {field}", field="kind")
    try:
        value = float(form.get("value", "").strip().replace(",", "."))
    except ValueError as error:
        raise InvalidInputError("Enter the value as a number.", field="value") from error
    return {"kind": kind, "value": value, "measured_on": form.get("measured_on") or today}


def field_errors(error: MizError, call: Call) -> dict[str, str]:
    """The error at its field, in the language of the browser."""
    translate = translator(look_of(call).language)
    field = str(error.fields.get("field", ""))
    if error.detail == "This field must not be empty: {field}":
        return {field: translate("Please fill in this field.")}
    return {field: translate(error.detail).format(**error.fields)}
