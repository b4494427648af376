"""What `miz` and the applications of the practice say to each other, as `contract.md` sections 3 and 4 fix it.

Every structure is immutable JSON: instants are aware UTC, dates may be partial (`1948`, `1948-03`, `1948-03-12`), ids
are opaque strings. The same structures are the views that queries return, so nothing is mapped twice.
"""

from datetime import date, datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.json import Decoder

from miz.wire.described import BirthDate, Detail, Name, Never, Number, PartialDate, Prefix, Reason, Remark, Text
from miz.wire.described import Notice as NoticeText

Severity = Literal["info", "caution", "warning", "contraindicated"]
EntryKind = Literal["medication", "allergies", "conditions", "observations", "notes"]
ENTRY_KINDS: tuple[EntryKind, ...] = ("medication", "allergies", "conditions", "observations", "notes")


class Message(Struct, frozen=True):
    """Base of all structures: immutable; what is not known is null."""


# --- sessions and applications -------------------------------------------------------------------------------------


class SignIn(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /session`. `workplace` is a name or id; a program without a place leaves it out.

    `code` is that of the second factor; where one is needed and missing, the problem is `second-factor-needed`.
    """

    user: str
    password: str
    workplace: str | None = None
    code: str | None = None


class SessionToken(Message, frozen=True):
    token: str


class Workplace(Message, frozen=True):
    """A desk or chair with a computer; it may belong to a room."""

    id: str
    name: str
    room: str | None = None


class RegisterApplication(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /applications`. `workplace` is a name or id; without it the session's own counts."""

    kind: Literal["active", "viewer"] = "active"
    workplace: str | None = None
    version: str = ""


class RegisteredApplication(Message, frozen=True):
    id: str
    heartbeat_interval_s: int
    lease_s: int


class HeldLease(Message, frozen=True):
    """The lease an application holds; `expires_at` is for display only."""

    patient_id: str
    fencing_token: str
    expires_at: datetime


class Notice(Message, frozen=True, kw_only=True):
    """Something a window has to be told. `ends_at`: when what is announced happens (`disconnect`, `setup`)."""

    id: str
    kind: Literal["message", "disconnect", "setup"]
    sent_at: datetime
    text: str = ""
    sender: str = ""
    ends_at: datetime | None = None


class SignOfLife(Message, frozen=True):
    """Body of a heartbeat: the ids of the notices that were shown and need not come again."""

    seen: list[str] = []


class Heartbeat(Struct, frozen=True):
    mode: Literal["operating", "setup"]
    lease: HeldLease | None
    messages: list[Notice]


class SendMessage(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /messages` and `POST /applications/{id}/messages`; up to 500 characters."""

    text: NoticeText


class Disconnect(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /applications/{id}/disconnect`: how long the window is warned before, 0 to 300 seconds."""

    seconds: int = 30


class SetMode(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `PUT /server/mode`. `now` skips the notice of 30 seconds."""

    mode: Literal["operating", "setup"]
    now: bool = False


class ControlInterval(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `PUT /server/control-interval`: 5 to 300 seconds between two signs of life."""

    seconds: int


class StartMode(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `PUT /server/start-mode`: whether a restarted server is in operating mode, whatever mode it was in."""

    starts_in_operating: bool


class Application(Message, frozen=True):
    """One line of `GET /applications`. `patient_id` and `patient` only for those who may search patients."""

    id: str
    kind: str
    user: str
    workplace: str
    version: str
    last_sign_of_life: datetime
    room: str | None = None
    patient_id: str | None = None
    patient: str | None = None


class OpeningRequest(Message, frozen=True):
    """Somebody would like to edit the patient too. `later_until`: the holder has asked for time until then."""

    user: str
    workplace: str
    asked_at: datetime
    application_id: str
    later_until: datetime | None = None


class Holder(Message, frozen=True):
    """Who has a patient open: the user, the workplace or room as shown, and since when; and who has asked for it."""

    user: str
    workplace: str
    since: datetime
    until: datetime
    application_id: str
    request: OpeningRequest | None = None


TakeOverReason = Literal["emergency", "not_reachable", "same_room", "agreed", "other"]


class TakeOver(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /patients/{id}/opening/takeover`. `reason` may be one of the codes or a text up to 200 characters."""

    reason: Reason = ""


class Draft(Message, frozen=True, kw_only=True):
    """What somebody has typed into a form and not saved; `form` names the form within the page."""

    id: str
    patient_id: str
    form: str
    user: str
    workplace: str
    saved_at: datetime
    fields: dict[str, str]
    is_own: bool = False


class DraftContent(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `PUT /patients/{id}/drafts/{form}`; no fields = nothing unsaved any more."""

    fields: dict[str, str]


class Drafts(Message, frozen=True):
    items: list[Draft]


# --- patients ------------------------------------------------------------------------------------------------------

Sex = Literal["female", "male", "diverse", "unspecified", "unknown"]
AllergyState = Literal["recorded", "none_known", "not_asked", "not_available"]
MedicationState = Literal["recorded", "none", "not_asked"]
Source = Literal["patient", "plan", "practice_system", "legacy", "exchange"]


class Dose(Message, frozen=True):
    """How much at which time of day, as typed: `1`, `1/2`, `0,5`."""

    morning: str = ""
    noon: str = ""
    evening: str = ""
    night: str = ""


class Trace(Message, frozen=True, kw_only=True):
    """What every entry carries: its version and who changed it last, when and where."""

    id: str
    version: int
    changed_at: datetime
    changed_by: str
    workplace: str = ""
    entered_in_error: bool = False


class Medication(Trace, frozen=True, kw_only=True):
    text: Text
    status: Literal["active", "as_needed", "stopped", "entered_in_error"] = field(default="active")
    drug_id: str | None = None
    strength: Detail | None = None
    form: Detail | None = None
    dose: Dose | None = None
    dose_text: Remark | None = None
    unit: Detail | None = None
    reason: Remark | None = None
    since: PartialDate | None = None
    until: PartialDate | None = None
    source: Source = "patient"
    note: Remark | None = None


class Allergy(Trace, frozen=True, kw_only=True):
    text: Text
    allergy_id: str | None = None
    reaction: Remark | None = None
    onset: Literal["immediate", "delayed", "unknown"] = "unknown"
    severity: Literal["mild", "severe", "unknown"] = "unknown"
    year: PartialDate | None = None
    source: Source = "patient"


class Condition(Trace, frozen=True, kw_only=True):
    answer: Literal["yes", "no", "unknown"]
    text: Remark | None = None
    condition_id: str | None = None
    since: PartialDate | None = None
    detail: Remark | None = None


ObservationKind = Literal["weight_kg", "height_cm", "egfr", "inr", "pregnancy_week", "breastfeeding"]


class Observation(Trace, frozen=True, kw_only=True):
    """A measured value; `breastfeeding` is 1 or 0, `pregnancy_week` is 0 for a patient who is not pregnant."""

    kind: ObservationKind
    value: float
    measured_on: PartialDate


class Note(Trace, frozen=True, kw_only=True):
    text: Text


Entry = Medication | Allergy | Condition | Observation | Note


class Confirmation(Message, frozen=True):
    """A group of questions that was asked again without a change."""

    group_id: str
    confirmed_at: datetime
    confirmed_by: str
    workplace: str = ""


class Decision(Message, frozen=True, kw_only=True):
    """A contraindication that was overridden; `findings_key` holds while medicine, dose, findings and rules are the same."""

    findings_key: str
    drug: str
    rules: list[str]
    reason: str
    edition: str
    decided_at: datetime
    decided_by: str
    workplace: str = ""


class PatientLine(Message, frozen=True, kw_only=True):
    """A patient as a search shows it. `holder` is set while an application has the patient open."""

    id: str
    family_name: str
    given_name: str
    birth_date: str
    sex: Sex = "unknown"
    prefix: str | None = None
    number: str | None = None
    is_sample: bool = False
    holder: Holder | None = None


class Patient(Message, frozen=True, kw_only=True):
    """The whole record. Lists hold what counts; entries made in error are kept in the history only.

    `is_restricted`: the reader's role shows identity and allergies only; the other lists are empty, whatever they hold.
    """

    id: str
    family_name: str
    given_name: str
    birth_date: str
    sex: Sex
    is_sample: bool
    version: int
    allergy_state: AllergyState
    medication_state: MedicationState
    prefix: str | None = None
    number: str | None = None
    insurance_number: str | None = None
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None
    planned: list[str] = []
    medication: list[Medication] = []
    allergies: list[Allergy] = []
    conditions: list[Condition] = []
    observations: list[Observation] = []
    notes: list[Note] = []
    holder: Holder | None = None
    is_restricted: bool = False
    allergies_asked_at: datetime | None = None
    changed_at: datetime | None = None
    merged_into: str | None = None
    confirmations: list[Confirmation] = []
    decisions: list[Decision] = []


class NewPatient(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    family_name: Name
    given_name: Name
    birth_date: BirthDate
    sex: Sex = "unknown"
    prefix: Prefix | None = None
    number: Number | None = None
    insurance_number: Number | None = None
    is_sample: Never = False


class PatientPatch(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; what is left out stays. `planned` is kept until the end of the day."""

    family_name: Name | UnsetType = UNSET
    given_name: Name | UnsetType = UNSET
    birth_date: BirthDate | UnsetType = UNSET
    sex: Sex | UnsetType = UNSET
    prefix: Prefix | UnsetType | None = UNSET
    number: Number | UnsetType | None = UNSET
    insurance_number: Number | UnsetType | None = UNSET
    allergy_state: Literal["none_known", "not_asked", "not_available"] | UnsetType = UNSET
    medication_state: Literal["none", "not_asked"] | UnsetType = UNSET
    planned: list[str] | UnsetType = UNSET


class PatientSearch(Message, frozen=True, forbid_unknown_fields=True):
    q: str
    limit: int = 20


class PatientLines(Message, frozen=True):
    items: list[PatientLine]


class PatientIds(Message, frozen=True):
    items: list[str]


class Opening(Message, frozen=True):
    """Answer to an opening: the lease and the record in one."""

    fencing_token: str
    expires_at: datetime
    patient: Patient


class Change(Message, frozen=True, kw_only=True):
    """One line of the history: who changed what, when and where; `before` and `after` are the whole entries."""

    id: str
    kind: Literal["patient", "medication", "allergies", "conditions", "observations", "notes"]
    entry_id: str
    action: Literal["created", "changed", "entered_in_error", "restored", "reviewed", "moved", "confirmed", "decided", "merged", "unmerged"]
    changed_at: datetime
    changed_by: str
    workplace: str
    version: int
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class RestoreEntry(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST …/{entry}/restore`: the state before or after one change of the history; without it, before the last one."""

    change: str | None = None
    state: Literal["before", "after"] = "before"


class EntryRef(Message, frozen=True, forbid_unknown_fields=True):
    kind: EntryKind
    id: str


class MoveEntries(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /patients/{id}/move`: these entries belong to the patient `to`."""

    to: str
    entries: list[EntryRef]


class ConfirmGroup(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /patients/{id}/confirmations`."""

    group_id: str


class Decide(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /patients/{id}/decisions`: the contraindication is known and overridden, with the reason."""

    findings_key: str
    drug: str
    rules: list[str]
    reason: str
    edition: str


class MergePatients(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /patients/{id}/merge`: the record `other` is of the same person and goes into this one."""

    other: str


class Merge(Message, frozen=True, kw_only=True):
    """Two records made one; `undone_at` is set when they are two again."""

    id: str
    into_id: str
    from_id: str
    merged_at: datetime
    merged_by: str
    workplace: str
    undone_at: datetime | None = None
    undone_by: str | None = None
    kept: int = 0
    """After undoing: how many copied entries stay, because somebody has changed them since."""


class Merges(Message, frozen=True):
    items: list[Merge]


class ReviewLine(Message, frozen=True, kw_only=True):
    """A patient whose record was changed since it was last signed off: when and by whom last, and how often."""

    patient: PatientLine
    changed_at: datetime
    changed_by: str
    changes: int


class Reviews(Message, frozen=True):
    items: list[ReviewLine]


class OwnDrugs(Message, frozen=True, forbid_unknown_fields=True):
    """The practice's own drugs as it writes them, in its order."""

    items: list[str]


# --- drugs and the check -------------------------------------------------------------------------------------------


class SubstanceRef(Message, frozen=True):
    id: str
    inn: str
    name_de: str
    atc: list[str]


class DrugItem(Message, frozen=True):
    """One hit of the pick list. `matched` is the text that led here: the name, an abbreviation or another brand."""

    id: str
    name: str
    kind: Literal["substance", "product", "combination"]
    substances: list[SubstanceRef]
    matched: str


class DrugItems(Message, frozen=True):
    items: list[DrugItem]


class CasePatient(Message, frozen=True, kw_only=True):
    """Facts about the patient. Absent or null = not asked; an empty list = asked, none."""

    age: float | None = None
    sex: str | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    egfr: float | None = None
    inr: float | None = None
    pregnancy_week: int | None = None
    breastfeeding: bool | None = None
    conditions: list[str] | None = None
    allergies: list[str] | None = None


class Case(Message, frozen=True, kw_only=True):
    """One question: who, what is taken, what is planned, each as a receptionist types it."""

    patient: CasePatient = CasePatient()
    medication: list[str] | None = None
    planned: list[str] | None = None
    id: str | None = None


class Resolved(Struct, frozen=True):
    text: str
    role: Literal["medication", "planned", "condition", "allergy"]
    kind: Literal["substance", "product", "combination", "procedure", "condition", "allergy", "unresolved"]
    ids: list[str]
    substances: list[str]
    suggestions: list[str]


class SourceRef(Message, frozen=True):
    id: str
    title: str
    year: int | None = None


FindingKind = Literal[
    "interaction", "procedure_risk", "risk", "condition", "age", "priscus", "dose", "pregnancy", "lactation",
    "renal", "hepatic", "allergy", "duplicate", "prophylaxis", "unresolved",
]  # fmt: skip


class Finding(Struct, frozen=True):
    """One result: what, how bad, what to do instead, on what ground.

    `subjects` are English INNs or ids of `risks.csv`, `conditions.csv`, `allergies.csv`; `sources` is empty where the
    row names none ("ohne Beleg"); `reviewed` is False until two named reviewers have signed the row.
    """

    kind: FindingKind
    severity: Severity
    subjects: list[str]
    rule: str
    title: str
    effect: str
    action: str
    alternatives: list[str]
    evidence: str
    sources: list[SourceRef]
    reviewed: bool


class AnaestheticMaximum(Struct, frozen=True, kw_only=True, tag_field="kind", tag="local_anaesthetic_max"):
    """The most of one planned anaesthetic solution that this patient may get in one session, if nothing else is given.

    `max_mg` of `substance` (INN), `max_ml` of the solution, whole `cartridges` of `cartridge_ml`, all rounded down; null where
    there is none (a spray). `epinephrine_ug` are the micrograms in `max_ml`. `limited_by` is what set the maximum.
    `planned_mg` is what the plan says of this solution, `remaining_ml` and `remaining_mg` what is left of its maximum after all
    planned anaesthetics; null where no amount is planned. `share_percent` is the share of the maximum that is planned.
    `notes` are sentences that limit the figure. `reviewed` as in `Finding`.
    """

    substance: str
    solution: str
    name: str
    max_mg: float
    max_ml: float | None
    cartridges: int | None
    cartridge_ml: float | None
    epinephrine_ug: float
    limited_by: Literal["weight", "absolute", "vasoconstrictor", "child"]
    planned_mg: float | None = None
    share_percent: float | None = None
    remaining_mg: float | None = None
    remaining_ml: float | None = None
    notes: list[str] = []
    sources: list[SourceRef] = []
    reviewed: bool = False


class DoseLimit(Struct, frozen=True, kw_only=True, tag_field="kind", tag="dose"):
    """How much of a planned drug by mouth or vein this patient may get.

    Amounts are in `unit`. `single` and `interval_h` are `[low, high]`; `max_day` is null where the data name none.
    `doses_per_day` is `[low, high]` where the data count them. `limited_by` is `weight`, or `adult` where a child's figure was
    cut to the adult's, or `absolute`. `text` says it in words; `notes` are sentences that limit it. `reviewed` as in `Finding`.
    """

    substance: str
    purpose: str
    population: Literal["child", "adolescent", "adult"]
    unit: Literal["mg", "IU"]
    single: list[float]
    interval_h: list[float]
    doses_per_day: list[float]
    max_day: float | None
    limited_by: Literal["weight", "adult", "absolute"]
    text: str
    notes: list[str] = []
    sources: list[SourceRef] = []
    reviewed: bool = False


class RecommendedDrug(Struct, frozen=True, kw_only=True):
    """One way to do it that is possible for this patient; `dose` in words, `single_mg` null where weight or age is missing.

    `lead_minutes` is `[from, to]` before the procedure. `note` says when to choose it, `caution` what to mind with this patient.
    """

    substance: str
    dose: str
    route: str
    single_mg: float | None = None
    lead_minutes: list[int] = []
    note: str = ""
    caution: str = ""


class Recommendation(Struct, frozen=True, kw_only=True):
    """What condition and procedure together call for. `avoid` are INNs that guidelines advise against.

    `necessity` is `needed`, or `consider` where guidelines leave it to the case; `because` are ids of conditions and procedures.
    """

    purpose: Literal["endocarditis_prophylaxis", "steroid_cover"]
    necessity: Literal["needed", "consider"]
    because: list[str]
    text: str
    options: list[RecommendedDrug] = []
    avoid: list[str] = []
    sources: list[SourceRef] = []
    reviewed: bool = False


class EditionRef(Message, frozen=True):
    id: str
    valid_until: date
    state: Literal["current", "warning", "passive"]


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """`not_checked` names what could not be judged and why; no answer ever says "safe"."""

    edition: EditionRef
    resolved: list[Resolved]
    findings: list[Finding]
    recommendations: list[Recommendation] = []
    computed: list[AnaestheticMaximum | DoseLimit] = []
    not_checked: list[str] = []
    id: str | None = None


class Changes(Message, frozen=True):
    items: list[Change]


class Applications(Message, frozen=True):
    items: list[Application]


class Planned(Message, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /patients/{id}/evaluation`; without `planned` what is kept with the patient counts."""

    planned: list[str] | None = None


class Server(Message, frozen=True, kw_only=True):
    """Answer of `GET /server`."""

    practice: str
    version: str
    mode: Literal["operating", "setup"]
    heartbeat_interval_s: int
    lease_s: int
    edition: EditionRef | None = None
    changes_to: Literal["operating", "setup"] | None = None
    changes_at: datetime | None = None
    starts_in_operating: bool = True


# msgspec learns a structure when it is first decoded, and its version 0.22 crashes when two threads do that at once.
# The event loop and the writer both decode, so every structure is learnt here, while there is one thread.
for _shape in [shape for shape in globals().values() if isinstance(shape, type) and issubclass(shape, Struct)]:
    Decoder(_shape)
