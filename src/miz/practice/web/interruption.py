"""The one case that interrupts: a drug that must not be given to this patient is being added or planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from miz.access.roles import SIGN_OFF
from miz.infra.http import Call, Reply
from miz.practice.advice import Interruption
from miz.practice.web.forms import new_key
from miz.practice.web.frame import Lock
from miz.practice.web.record import RecordDesk
from miz.ui.face import look_of
from miz.wire.client_protocol import Decide, Patient

INTERRUPTED = 409
Role = Literal["medication", "planned"]
_NOT_REPEATED = {"application", "fencing_token", "idempotency_key", "reason_chosen", "reason_typed"}


@dataclass(frozen=True, kw_only=True)
class InterruptionDialog:
    """What must not be given and why, what is possible instead, and the way past it for who may decide."""

    template: ClassVar[str] = "_interruption.html"
    action: str
    role: Role
    found: Interruption
    fields: Mapping[str, str]
    lock: Lock
    keys: list[str]
    may_decide: bool
    reasons: list[str]


def of_medicine(at: RecordDesk, call: Call, record: Patient, given: Mapping[str, Any]) -> Interruption | None:
    """Whether adding this entry to the medication must stop the hand."""
    dose = given.get("dose") or {}
    return at.desk.advisor.interrupts(
        record, str(given.get("text", "")), role="medication", drug_id=given.get("drug_id"), strength=given.get("strength") or "",
        dose=" ".join([*dose.values(), given.get("dose_text") or ""]).strip(), language=look_of(call).language,
    )  # fmt: skip


def of_plan(at: RecordDesk, call: Call, record: Patient, text: str) -> Interruption | None:
    """Whether planning this must stop the hand."""
    return at.desk.advisor.interrupts(record, text, role="planned", language=look_of(call).language)


def decision_in(call: Call, found: Interruption | None) -> Decide | None:
    """The decision that the form carries, from somebody who may decide."""
    form = call.form
    reason = (form.get("reason_chosen") or form.get("reason_typed") or "").strip()
    if found is None or not reason or SIGN_OFF.isdisjoint(call.person.roles):
        return None
    return Decide(findings_key=found.findings_key, drug=found.drug, rules=list(found.rules), reason=reason, edition=found.edition)


def ask(at: RecordDesk, call: Call, record: Patient, found: Interruption, *, role: Role) -> Reply:
    """Stop, and show the ways to go on."""
    translate = at.translator(call)
    reasons = [
        translate("no alternative"), translate("tolerated before"), translate("the benefit is greater"), translate("agreed with the physician"),
        translate("allergy not confirmed"),
    ]  # fmt: skip
    dialog = InterruptionDialog(
        action=call.path, role=role, found=found, lock=at.lock(call, record), reasons=reasons,
        fields={name: value for name, value in call.form.items() if name not in _NOT_REPEATED},
        keys=[new_key() for _ in range(len(found.alternatives) + 2)], may_decide=not SIGN_OFF.isdisjoint(call.person.roles),
    )  # fmt: skip
    return at.dialog(dialog, call, record, INTERRUPTED)
