"""The evaluation as a person reads it: groups, causes, grounds, what is missing, what was computed."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import pytest
from msgspec import structs

from miz.practice.advice import About, Advice
from miz.practice.web.evaluation import Card, evaluation_of
from miz.ui.render import environment
from miz.wire.client_protocol import (
    AnaestheticMaximum,
    CheckAnswer,
    DoseLimit,
    EditionRef,
    Finding,
    Medication,
    Patient,
    Recommendation,
    RecommendedDrug,
    Resolved,
    Severity,
    SourceRef,
)

EDITION = EditionRef("2026.1", date(2027, 3, 31), "current")
BOOK = SourceRef("B", "Ein Buch", 2018)


def finding(rule: str, severity: Severity, **other: Any) -> Finding:
    given: dict[str, Any] = {
        "kind": "interaction", "severity": severity, "subjects": ["ibuprofen"], "rule": rule, "title": f"Titel {rule}",
        "effect": f"Wirkung {rule}", "action": f"Vorgehen {rule}", "alternatives": [], "evidence": "B", "sources": [BOOK], "reviewed": True,
    }  # fmt: skip
    return Finding(**{**given, **other})


def patient(**other: Any) -> Patient:
    return Patient(
        id="p", family_name="Muster", given_name="Erika", birth_date="1948-03-12", sex="female", is_sample=True, version=1,
        medication_state="recorded", allergy_state="not_asked", **other,
    )  # fmt: skip


def advice(*cards: list[Finding], further: tuple[list[Finding], ...] = (), **answer: Any) -> Advice:
    given: dict[str, Any] = {"edition": EDITION, "resolved": [], "findings": [each for card in cards for each in card], **answer}
    return Advice(
        answer=CheckAnswer(**given), cards=cards, further=further, places={"Gewicht fehlt.": "weight_kg"},
        about={"ibuprofen": About(drug_id="ibuprofen", name="Ibuprofen")},
    )  # fmt: skip


def test_only_the_gravest_group_is_open_and_in_it_one_card() -> None:
    found = evaluation_of(
        patient(), advice([finding("A", "warning")], [finding("B", "contraindicated")], [finding("C", "caution")], [finding("D", "info")])
    )
    assert [(group.level, group.is_open, len(group.cards)) for group in found.groups] == [
        ("high", True, 2),
        ("medium", False, 1),
        ("low", False, 1),
    ]
    assert [card.is_open for group in found.groups for card in group.cards] == [True, False, False, False]
    mild = evaluation_of(patient(), advice([finding("C", "caution")], [finding("D", "info")]))
    assert [(group.level, group.is_open) for group in mild.groups] == [("medium", True), ("low", False)]
    assert evaluation_of(patient(), advice()).groups == []


def test_a_card_names_the_lines_it_comes_from_as_typed_and_since_when() -> None:
    line = Medication(
        id="m",
        version=1,
        changed_at=datetime(2026, 11, 23, 8, tzinfo=UTC),
        changed_by="Dr. Kern",
        workplace="Zimmer 1",
        text="Falithrom",
        since="2019-04",
    )
    resolved = [
        Resolved("Falithrom", "medication", "product", ["falithrom"], ["phenprocoumon"], []),
        Resolved("Ibu 600", "planned", "product", ["ibu-600"], ["ibuprofen"], []),
        Resolved("Ramipril", "medication", "substance", ["ramipril"], ["ramipril"], []),
    ]
    card = evaluation_of(
        patient(medication=[line]), advice([finding("I001", "warning", subjects=["ibuprofen", "phenprocoumon"])], resolved=resolved)
    ).cards[0]
    assert [(cause.text, cause.since, cause.is_planned) for cause in card.causes] == [
        ("Falithrom", "2019-04", False),
        ("Ibu 600", "", True),
    ]


def test_what_is_offered_is_named_once_and_says_whether_it_is_planned() -> None:
    together = [finding("A", "warning", alternatives=["Paracetamol", "Metamizol"]), finding("B", "warning", alternatives=["Paracetamol"])]
    card = evaluation_of(patient(planned=["Metamizol"]), advice(together)).cards[0]
    assert [(one.name, one.is_planned) for one in card.alternatives] == [("Paracetamol", False), ("Metamizol", True)]


def test_what_is_not_possible_for_this_patient_is_not_offered() -> None:
    given = replace(advice([finding("A", "warning", alternatives=["Paracetamol", "Metamizol"])]), unsuitable=frozenset({"Metamizol"}))
    assert [one.name for one in evaluation_of(patient(), given).cards[0].alternatives] == ["Paracetamol"]


def test_what_was_said_is_not_said_again_and_the_ground_keeps_all() -> None:
    card = evaluation_of(patient(), advice([finding("A", "warning"), finding("B", "caution", action="Vorgehen A")])).cards[0]
    assert [(part.level, part.action) for part in card.parts] == [("high", "Vorgehen A"), ("medium", "")]
    assert [ground.finding.action for ground in card.grounds] == ["Vorgehen A", "Vorgehen A"]
    assert [about.name for about in card.about] == ["Ibuprofen"]


def test_not_reviewed_is_told_once_for_all() -> None:
    reviewed = [finding("A", "warning")]
    assert evaluation_of(patient(), advice(reviewed)).is_reviewed
    assert not evaluation_of(patient(), advice(reviewed, further=([finding("B", "info", reviewed=False)],))).is_reviewed


def test_what_is_missing_knows_its_place() -> None:
    found = evaluation_of(patient(), advice(not_checked=["Gewicht fehlt.", "Etwas anderes."]))
    assert [(line.sentence, line.place) for line in found.open] == [("Gewicht fehlt.", "weight_kg"), ("Etwas anderes.", "")]


# --- as drawn ------------------------------------------------------------------------------------------------------------


def drawn(macro: str, *given: Any, language: str = "de") -> str:
    html = getattr(environment(language).get_template("evaluation.html").module, macro)(*given)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", str(html))))


MAXIMUM = AnaestheticMaximum(
    substance="articaine", solution="articaine-100", name="Articain 1:100.000", max_mg=160, max_ml=4.0, cartridges=2, cartridge_ml=1.7,
    epinephrine_ug=40, limited_by="vasoconstrictor", sources=[BOOK],
)  # fmt: skip


def test_a_maximum_shows_ml_cartridges_mg_and_what_limits_it() -> None:
    text = drawn("anaesthetic_card", [MAXIMUM])
    for part in (
        "Articain 1:100.000",
        "4 ml",
        "2 Zylinderampullen (1,7 ml)",
        "160 mg",
        "40 Mikrogramm Adrenalin",
        "begrenzt durch: Vasokonstriktor",
        "Ein Buch (2018)",
    ):
        assert part in text
    assert "Geplant" not in text


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_maximum_without_volume_shows_none(language: str) -> None:
    spray = AnaestheticMaximum(
        substance="lidocaine", solution="spray", name="Lidocain", max_mg=200, max_ml=None, cartridges=None, cartridge_ml=None, epinephrine_ug=0,
        limited_by="absolute", notes=["Ein Hinweis."],
    )  # fmt: skip
    text = drawn("anaesthetic_card", [spray], language=language)
    assert "200 mg" in text
    assert "Ein Hinweis." in text
    assert ("ohne Beleg" if language == "de" else "without source") in text
    assert "None" not in text
    assert " ml" not in text


def test_a_planned_amount_shows_its_share() -> None:
    text = drawn("anaesthetic_card", [structs.replace(MAXIMUM, planned_mg=68, share_percent=42.5, remaining_mg=92, remaining_ml=2.3)])
    assert "Geplant: 42,5 Prozent davon · noch 2,3 ml" in text


def test_a_dose_says_its_words_and_limit() -> None:
    dose = DoseLimit(
        substance="ibuprofen", purpose="analgesia", population="child", unit="mg", single=[150, 200], interval_h=[6, 8], doses_per_day=[],
        max_day=600, limited_by="weight", text="150 bis 200 mg alle 6 bis 8 h, höchstens 600 mg am Tag",
    )  # fmt: skip
    text = drawn("dose_card", [dose], {"ibuprofen": About(drug_id="ibuprofen", name="Ibuprofen")})
    assert "Ibuprofen 150 bis 200 mg alle 6 bis 8 h" in text
    assert "begrenzt durch: Körpergewicht" in text


def test_a_recommendation_names_options_and_what_to_avoid() -> None:
    given = Recommendation(
        purpose="endocarditis_prophylaxis", necessity="needed", because=["VALVE"], text="Herzklappe und Extraktion.",
        options=[RecommendedDrug(substance="amoxicillin", dose="2 g", route="p.o.", note="Mittel der ersten Wahl", caution="mit INR")],
        avoid=["clindamycin"], sources=[BOOK],
    )  # fmt: skip
    text = drawn("recommendation_card", given, {"amoxicillin": About(drug_id="amoxicillin", name="Amoxicillin")})
    for part in (
        "Endokarditisprophylaxe erforderlich",
        "Amoxicillin 2 g p.o. Mittel der ersten Wahl",
        "Beachten mit INR",
        "Vermeiden clindamycin",
        "Ein Buch (2018)",
    ):
        assert part in text


def test_the_ground_of_a_card_is_told_down_to_the_rule() -> None:
    resolved = [Resolved("Ibu 600", "planned", "product", ["ibu-600"], ["ibuprofen"], [])]
    given = advice([finding("I001", "warning", sources=[], reviewed=False, evidence="")], resolved=resolved)
    card: Card = evaluation_of(patient(), replace(given, selectors={"I001": ("grp:nsaid", "grp:vka")})).cards[0]
    text = drawn("why", replace(card, is_open=True))
    for part in (
        "I001 Titel I001",
        "Wirkung I001",
        "Vorgehen I001",
        "nicht eingestuft",
        "ohne Beleg",
        "ungeprüft",
        "Ibuprofen",
        "„Ibu 600“: grp:nsaid × grp:vka",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("state", "said"), [("current", ""), ("warning", "gelten noch bis 31.03.2027"), ("passive", "galten bis 31.03.2027")]
)
def test_an_edition_near_or_past_its_end_says_so(state: Any, said: str) -> None:
    text = drawn("edition_banner", structs.replace(EDITION, state=state))
    assert (said in text) if said else text.strip() == ""
