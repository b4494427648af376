"""An invented record, its check and its questions for the papers: what the tables say does not change these."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from miz.practice.advice import Advice, Question, QuestionGroup
from miz.practice.web import views
from miz.practice.web.evaluation import Evaluation, evaluation_of
from miz.practice.web.papers.sheet import Printing
from miz.ui.i18n import Language
from miz.wire.client_protocol import (
    AnaestheticMaximum,
    CheckAnswer,
    DoseLimit,
    DrugItem,
    EditionRef,
    Finding,
    Patient,
    Recommendation,
    RecommendedDrug,
    Resolved,
    Severity,
    SourceRef,
    SubstanceRef,
)

AT = datetime(2026, 11, 23, 8, 41, tzinfo=UTC)
GUIDELINE = SourceRef("S3", "Leitlinie der Erfinder", 2024)
CURRENT = EditionRef("2026.1", date(2027, 3, 31), "current")
OUT_OF_DATE = EditionRef("2025.1", date(2026, 3, 31), "passive")
_TRACE = {"version": 1, "changed_at": AT, "changed_by": "Dr. Kern"}


def entry(number: int, **values: Any) -> dict[str, Any]:
    return {"id": str(number), **_TRACE, **values}


def record(**other: Any) -> Patient:
    """Erika Muster with five medicines, of which nobody knows the tea."""
    medication = [
        entry(1, text="Marcumar", strength="3 mg", dose_text="nach INR-Plan", reason="Vorhofflimmern"),
        entry(2, text="Metoprolol", strength="47.5 mg", form="Tbl.", dose={"morning": "1", "noon": "", "evening": "1/2", "night": ""}),
        entry(3, text="Tee vom Heilpraktiker", note="abends"),
        entry(4, text="Metamizol", status="as_needed", reason="Schmerzen"),
        entry(5, text="Ramipril", status="stopped", until="2026-05-01"),
    ]
    told = {
        "id": "p1", "family_name": "Muster", "given_name": "Erika", "birth_date": "1948-03-12", "sex": "female", "is_sample": True,
        "version": 3, "number": "4711", "allergy_state": "recorded", "medication_state": "recorded", "planned": ["Extraktion 36", "Ibuprofen 600"],
        "medication": medication, "allergies": [entry(6, text="Penicillin", reaction="Quaddeln sofort", year="1999")],
        "conditions": [entry(7, answer="yes", condition_id="A_FIB", text="Vorhofflimmern", since="2019-03", detail="Schrittmacher geplant"),
                       entry(8, answer="no", condition_id="HTN", text="Bluthochdruck")],
        "observations": [entry(9, kind="egfr", value=55, measured_on="2026-10-01")],
    }  # fmt: skip
    return msgspec.convert(told | other, Patient)


def finding(rule: str, severity: Severity, title: str, action: str, *subjects: str, is_known: bool = False, **other: Any) -> Finding:
    given: dict[str, Any] = {
        "effect": f"Was bei {title} geschieht, steht hier als ganzer Satz der erfundenen Arzneimitteldaten.",
        "alternatives": [],
    }
    return Finding(
        kind="interaction", severity=severity, subjects=list(subjects), rule=rule, title=title, action=action, evidence="B",
        sources=[GUIDELINE] if is_known else [], reviewed=is_known, **given | other,
    )  # fmt: skip


CARDS = [
    [
        finding("I1", "contraindicated", "Ibuprofen + Phenprocoumon: Blutung", "Nicht geben.", "ibuprofen", "phenprocoumon", alternatives=["Paracetamol 500"]),
        finding("R1", "warning", "Blutungsrisiko: Phenprocoumon", "INR am Behandlungstag prüfen.", "phenprocoumon", is_known=True),
    ],
    [finding("I2", "caution", "Metoprolol: Adrenalin", "Höchstens 40 Mikrogramm Adrenalin.", "metoprolol", is_known=True)],
    [finding("I3", "info", "Metoprolol: Mundtrockenheit", "Fluoride empfehlen.", "metoprolol", is_known=True)],
]  # fmt: skip


MAXIMUM = AnaestheticMaximum(
    substance="articaine", solution="art100", name="Articain 4 % mit Epinephrin 1:100 000", max_mg=160, max_ml=4, cartridges=2, cartridge_ml=1.7,
    epinephrine_ug=40, limited_by="vasoconstrictor", remaining_ml=2.3, notes=["Höchstmenge bei Herzrisiko."],
)  # fmt: skip
DOSE = DoseLimit(
    substance="ibuprofen", purpose="analgesia", population="adult", unit="mg", single=[400, 600], interval_h=[6, 8], doses_per_day=[3, 3], max_day=2400,
    limited_by="absolute", text="400 bis 600 mg alle 6 bis 8 Stunden", sources=[GUIDELINE], reviewed=True,
)  # fmt: skip
PROPHYLAXIS = Recommendation(
    purpose="endocarditis_prophylaxis", necessity="needed", because=["IE"], text="Klappenprothese und Extraktion.",
    options=[RecommendedDrug(substance="amoxicillin", dose="2 g", route="oral", single_mg=2000, lead_minutes=[30, 60], note="Mittel der Wahl")],
    avoid=["clindamycin"], sources=[GUIDELINE],
)  # fmt: skip


def advice(
    edition: EditionRef = CURRENT, cards: list[list[Finding]] | None = None, not_checked: Iterable[str] = (), *, is_computed: bool = True
) -> Advice:
    resolved = [
        Resolved("Marcumar", "medication", "product", ["marcumar"], ["phenprocoumon"], []),
        Resolved("Metoprolol", "medication", "substance", ["metoprolol"], ["metoprolol"], []),
        Resolved("Tee vom Heilpraktiker", "medication", "unresolved", [], [], []),
        Resolved("Metamizol", "medication", "substance", ["metamizol"], ["metamizole"], []),
        Resolved("Ibuprofen 600", "planned", "substance", ["ibuprofen"], ["ibuprofen"], []),
    ]
    shown = CARDS if cards is None else cards
    answer = CheckAnswer(
        edition=edition, resolved=resolved, findings=[one for card in shown for one in card],
        computed=[MAXIMUM, DOSE] if is_computed else [], recommendations=[PROPHYLAXIS] if is_computed else [],
        not_checked=["Nicht geprüft: „Tee vom Heilpraktiker“ ist kein Eintrag der Arzneimitteldaten.", "Das Gewicht fehlt: Höchstmengen nach Gewicht sind nicht berechnet.", *not_checked],
    )  # fmt: skip
    return Advice(answer=answer, cards=shown, further=[], places={})


DRUGS = {
    "marcumar": DrugItem(
        "marcumar", "Marcumar", "product", [SubstanceRef("phenprocoumon", "phenprocoumon", "Phenprocoumon", [])], "Marcumar"
    ),
    "metoprolol": DrugItem(
        "metoprolol", "Metoprolol", "substance", [SubstanceRef("metoprolol", "metoprolol", "Metoprolol", [])], "Metoprolol"
    ),
    "metamizol": DrugItem("metamizol", "Metamizol", "substance", [SubstanceRef("metamizol", "metamizole", "Metamizol", [])], "Metamizol"),
}


def judged(patient: Patient, given: Advice) -> tuple[list[views.MedicationGroup], Evaluation]:
    return views.medication_groups(patient, given, DRUGS.get), evaluation_of(patient, given)


def printing(language: Language = "de", edition: EditionRef = CURRENT) -> Printing:
    return Printing(
        practice="Praxis am Markt", user="Dr. Kern", at=AT, language=language, edition=edition, names_among=lambda _: ["Phenprocoumon"]
    )


def questions() -> list[QuestionGroup]:
    def asked(identity: str, text: str, hint: str = "", **other: Any) -> Question:
        known = {"condition_id": identity, "observation": None, "name": text, "asked_of": "all"}
        return Question(id=identity, text=text, hint=hint, **known | other)

    return [
        QuestionGroup(id="heart", name="Herz und Kreislauf", questions=[
            asked("A_FIB", "Haben Sie Vorhofflimmern?", "Seit wann?"), asked("HTN", "Haben Sie Bluthochdruck?"),
            asked("CHD", "Sind Ihre Herzkranzgefäße verengt?", "Seit wann? Haben Sie einen Stent?"),
        ]),
        QuestionGroup(id="women", name="Schwangerschaft", questions=[
            asked("pregnancy_week", "Sind Sie schwanger?", condition_id=None, observation="pregnancy_week", asked_of="female"),
        ]),
    ]  # fmt: skip
