"""One case in, one answer out: kinds, severities, words, and what could not be judged."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miz.checks import evaluation
from miz.checks.evaluation import evaluate
from miz.checks.model import RANK, ChosenDrug
from miz.knowledge.edition import Edition
from miz.wire.client_protocol import Case, CasePatient, CheckAnswer, Finding

TODAY = date(2026, 11, 22)
ASKED = CasePatient(conditions=[], allergies=[])


def ask(
    edition: Edition, *, medication: list[str] | None = None, planned: list[str] | None = None, language: str = "de", **patient: object
) -> CheckAnswer:
    facts = msgspec.convert({"conditions": [], "allergies": []} | patient, CasePatient)
    return evaluate(edition, Case(medication=medication, planned=planned, patient=facts), today=TODAY, language=language)


def of_rule(answer: CheckAnswer, rule: str) -> list[Finding]:
    return [finding for finding in answer.findings if finding.rule == rule]


def only(answer: CheckAnswer, rule: str) -> Finding:
    (finding,) = of_rule(answer, rule)
    return finding


def test_the_example_of_the_contract(edition: Edition) -> None:
    case = msgspec.json.decode(
        b"""{"patient": {"age": 78, "sex": "m", "weight_kg": 80, "egfr": 55, "pregnancy_week": null, "breastfeeding": false,
             "conditions": ["Vorhofflimmern"], "allergies": ["Penicillin, Quaddeln sofort"]},
             "medication": ["Falithrom", "Beloc-Zok mite 47,5"], "planned": ["Ibuprofen 600", "Articain 1:100.000", "Extraktion 36"]}""",
        type=Case,
    )
    answer = evaluate(edition, case, today=TODAY)
    assert answer.edition.id == "2026.1"
    first = only(answer, "I001")
    assert (first.kind, first.severity, first.subjects) == ("interaction", "warning", ["ibuprofen", "phenprocoumon"])
    assert (first.evidence, [source.id for source in first.sources], first.reviewed) == ("B", ["DZZ2018", "FI"], False)
    assert first.alternatives == ["Paracetamol"]
    surgery = only(answer, "I189")
    assert (surgery.kind, surgery.severity, surgery.subjects) == ("procedure_risk", "warning", ["extraction_simple", "phenprocoumon"])
    assert only(answer, "BLEED").subjects == ["BLEED", "phenprocoumon"]
    assert {"articaine", "epinephrine", "A_FIB"} <= set(of_rule(answer, "A_FIB")[0].subjects)
    assert [line.kind for line in answer.resolved] == [
        "product",
        "product",
        "substance",
        "combination",
        "procedure",
        "condition",
        "allergy",
    ]
    assert answer.recommendations == []


def test_the_worst_stands_first_then_the_rule(edition: Edition) -> None:
    answer = ask(
        edition,
        medication=["Falithrom", "Ramipril", "Torasemid", "Simvastatin"],
        planned=["Ibuprofen 600", "Clarithromycin", "Miconazol-Mundgel"],
    )
    order = [(-RANK[finding.severity], finding.rule) for finding in answer.findings]
    assert order == sorted(order)
    assert answer.findings[0].severity == "contraindicated"


def test_several_rules_for_one_pair_all_stay(edition: Edition) -> None:
    answer = ask(edition, medication=["Ramipril", "HCT"], planned=["Ibuprofen"])
    assert {"I011": "caution", "I012": "caution", "I013": "warning"}.items() <= {
        finding.rule: finding.severity for finding in answer.findings
    }.items()


def test_taken_drugs_are_checked_among_each_other(edition: Edition) -> None:
    assert only(ask(edition, medication=["Falithrom", "Ibuprofen 400"], planned=[]), "I001").subjects == ["ibuprofen", "phenprocoumon"]


def test_a_filling_is_no_bleeding_risk(edition: Edition) -> None:
    medication = ["Falithrom", "Xgeva"]
    for planned, severity in ((None, "warning"), ([], "warning"), (["Füllung 16"], "info"), (["Füllung 16", "Extraktion 36"], "warning")):
        assert only(ask(edition, medication=medication, planned=planned), "BLEED").severity == severity, planned
    filling = ask(edition, medication=medication, planned=["Füllung 16"])
    assert only(filling, "MRONJ").severity == "info"
    assert not [finding for finding in filling.findings if finding.kind == "procedure_risk"]
    assert only(ask(edition, medication=medication, planned=["PZR"]), "BLEED").severity == "warning"
    assert only(ask(edition, medication=medication, planned=["Irgendetwas"]), "BLEED").severity == "warning"
    assert only(ask(edition, medication=medication, planned=["Ibuprofen"]), "BLEED").severity == "warning"


def test_risks_stand_once_with_all_their_causes(edition: Edition) -> None:
    finding = only(ask(edition, medication=["Clopidogrel", "ASS 100", "Citalopram"]), "BLEED")
    assert finding.subjects == ["BLEED", "clopidogrel", "acetylsalicylic acid (low dose)", "citalopram"]
    assert finding.severity == "warning"
    assert "Clopidogrel" in finding.title


def test_a_condition_counts_with_its_worst_statement(edition: Edition) -> None:
    finding = only(ask(edition, planned=["Diclofenac 50"], conditions=["KHK"]), "CHD")
    assert (finding.kind, finding.severity, finding.subjects) == ("condition", "contraindicated", ["CHD", "diclofenac"])
    assert only(ask(edition, planned=["Ibuprofen"], conditions=["KHK"]), "CHD").severity == "caution"
    assert not of_rule(ask(edition, planned=["Paracetamol"], conditions=["KHK"]), "CHD")


def test_prophylaxis_needs_condition_and_procedure(edition: Edition) -> None:
    finding = only(ask(edition, planned=["Zahnsteinentfernung"], conditions=["Z. n. Endokarditis"]), "IE_PAST")
    assert (finding.kind, finding.severity, finding.subjects) == ("prophylaxis", "warning", ["IE_PAST", "scaling"])
    for harmless in ("Füllung 16", "Röntgen", "Nahtentfernung", "Infiltrationsanästhesie"):
        assert not [
            one for one in ask(edition, planned=[harmless], conditions=["Z. n. Endokarditis"]).findings if one.kind == "prophylaxis"
        ]
    assert not [one for one in ask(edition, planned=["Extraktion"], conditions=["Hüft-TEP"]).findings if one.kind == "prophylaxis"]
    assert [
        one.severity
        for one in ask(edition, planned=["Extraktion"], conditions=["Herztransplantation"]).findings
        if one.kind == "prophylaxis"
    ] == ["caution"]
    both = ask(edition, planned=["Extraktion"], conditions=["Schrittmacher", "Künstliche Herzklappe"])
    assert [one.subjects[0] for one in both.findings if one.kind == "prophylaxis"] == ["VALVE"]


@pytest.mark.parametrize(
    ("allergy", "planned", "severity"),
    [
        ("Penicillin, Quaddeln sofort", "Amoxicillin 1000", "contraindicated"),
        ("Penicillin", "Cefalexin", "warning"),
        ("Penicillin", "Cefuroxim", "caution"),
        ("Penicillin", "Cefazolin", "info"),
        ("Penicillin", "Clindamycin", None),
        ("Amoxicillin", "Augmentan", "contraindicated"),
        ("Ibuprofen", "Diclofenac", "contraindicated"),
        ("Ibuprofen", "Novalgin", "contraindicated"),
        ("Novalgin", "Ibuprofen", "warning"),
        ("Sulfit", "Articain 1:200.000", "contraindicated"),
        ("Sulfit", "Mepivacain 3%", None),
        ("Latex", "Füllung", "contraindicated"),
        ("Chlorhexidin", "Chlorhexamed", "contraindicated"),
        ("Clemastin", "Clemastin", "contraindicated"),
        ("Procain", "Articain ohne Adrenalin", "info"),
    ],
)
def test_allergies_and_cross_reactions(edition: Edition, allergy: str, planned: str, severity: str | None) -> None:
    found = [finding for finding in ask(edition, planned=[planned], allergies=[allergy]).findings if finding.kind == "allergy"]
    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_what_is_taken_is_checked_against_allergies_too(edition: Edition) -> None:
    finding = only(ask(edition, medication=["Amoxicillin"], allergies=["Penicillin"]), "penicillin")
    assert finding.subjects == ["penicillin", "amoxicillin"]


def test_latex_is_one_finding_for_all_procedures(edition: Edition) -> None:
    assert only(ask(edition, planned=["Füllung 16", "PZR"], allergies=["Latex"]), "latex").subjects == [
        "latex",
        "filling",
        "prophylaxis_cleaning",
    ]


def test_alternatives_are_named_drugs_and_never_what_an_allergy_refuses(edition: Edition) -> None:
    assert only(ask(edition, medication=["Falithrom"], planned=["Miconazol-Mundgel"]), "I126").alternatives == [
        "Nystatin",
        "Amphotericin B lokal",
    ]
    assert only(ask(edition, medication=["Falithrom"], planned=["Ibuprofen"], allergies=["Paracetamol"]), "I001").alternatives == []
    assert only(ask(edition, medication=["Antabus"], planned=["Metronidazol"]), "I063").alternatives == []


def test_what_is_not_recognised_is_always_reported(edition: Edition) -> None:
    answer = ask(edition, medication=["Tee vom Heilpraktiker"], planned=["Zauberei"], conditions=["Heuschnupfen"], allergies=["Nickel"])
    found = [finding for finding in answer.findings if finding.kind == "unresolved"]
    assert sorted(finding.subjects[0] for finding in found) == ["Heuschnupfen", "Nickel", "Tee vom Heilpraktiker", "Zauberei"]
    assert {finding.severity for finding in found} == {"caution"}
    for text in ("Tee vom Heilpraktiker", "Zauberei", "Heuschnupfen", "Nickel"):
        assert [sentence for sentence in answer.not_checked if f"„{text}“" in sentence]


def test_not_asked_is_not_the_same_as_none(edition: Edition) -> None:
    asked = ask(edition, medication=[], planned=["Ibuprofen"], age=40)
    unasked = evaluate(edition, Case(planned=["Ibuprofen"]), today=TODAY)
    assert asked.not_checked == []
    assert len(unasked.not_checked) >= 3


def test_a_value_that_decides_is_asked_for(edition: Edition) -> None:
    def asked_for(word: str, planned: str, **facts: Any) -> list[str]:
        return [sentence for sentence in ask(edition, planned=[planned], **facts).not_checked if word in sentence]

    assert asked_for("eGFR", "Ibuprofen", age=70)
    assert not asked_for("eGFR", "Ibuprofen", age=70, egfr=80)
    assert asked_for("Schwangerschaft", "Ibuprofen", age=30, sex="f")
    assert not asked_for("Schwangerschaft", "Ibuprofen", age=30, sex="f", pregnancy_week=0)
    assert not asked_for("Schwangerschaft", "Paracetamol", age=30, sex="f")
    assert asked_for("Schwangerschaftswoche", "Ibuprofen", age=30, sex="f", conditions=["schwanger"])
    assert asked_for("Alter", "Doxycyclin")
    assert not asked_for("Alter", "Doxycyclin", age=30)


def test_two_lines_of_one_drug_are_one_duplicate(edition: Edition) -> None:
    answer = ask(edition, medication=["Paracetamol 1000 1-1-1-1"], planned=["Paracetamol 500 1-1-1"], weight_kg=80, age=40)
    assert [(one.severity, one.subjects) for one in answer.findings if one.kind == "duplicate"] == [("warning", ["paracetamol"])]
    assert [one.subjects for one in answer.findings if one.rule == "DAY-paracetamol"] == [["paracetamol"]]
    taken = ask(edition, medication=["L-Thyroxin 75", "L-Thyroxin 25"])
    assert [one.severity for one in taken.findings if one.kind == "duplicate"] == ["caution"]
    assert not [one for one in ask(edition, planned=["Ibuprofen 400", "Paracetamol 500"]).findings if one.kind == "duplicate"]


def test_questions_are_put(edition: Edition) -> None:
    answer = ask(edition, medication=["ASS", "Voltaren"], planned=["Articain"], conditions=["Herzinfarkt"])
    for text in ("ASS", "Voltaren", "Articain", "Herzinfarkt"):
        assert [sentence for sentence in answer.not_checked if f"„{text}“" in sentence], text


def test_a_picked_drug_is_taken_by_its_id(edition: Edition) -> None:
    case = Case(medication=["die rote"], planned=["Ibuprofen"], patient=ASKED)
    answer = evaluate(edition, case, today=TODAY, chosen={"die rote": ChosenDrug("falithrom")})
    assert of_rule(answer, "I001")
    assert answer.resolved[0].text == "die rote"


def test_no_finding_is_an_empty_list_and_no_word_of_safety(edition: Edition) -> None:
    answer = ask(edition, medication=[], planned=["Paracetamol 500"])
    assert answer.findings == []
    assert "safe" not in msgspec.json.encode(answer).decode()


def test_both_languages(edition: Edition) -> None:
    german = ask(edition, medication=["Falithrom"], planned=["Ibuprofen", "Quatsch"], conditions=["Asthma"])
    english = ask(edition, medication=["Falithrom"], planned=["Ibuprofen", "Quatsch"], conditions=["Asthma"], language="en")
    assert only(german, "I001").title == "Ibuprofen + Phenprocoumon: Blutung"
    assert only(english, "I001").title == "ibuprofen + phenprocoumon: bleeding"
    assert [(one.rule, one.severity, one.subjects) for one in german.findings] == [
        (one.rule, one.severity, one.subjects) for one in english.findings
    ]
    for one, other in zip(german.findings, english.findings, strict=True):
        assert one.effect != other.effect
        assert one.title != other.title or one.rule == "BLEED"
    assert not set(german.not_checked) & set(english.not_checked)


def test_every_finding_has_effect_action_and_review_state(edition: Edition) -> None:
    answer = ask(
        edition,
        medication=["Falithrom", "Prolia", "Citalopram", "Fortecortin", "Leponex"],
        planned=["Ibuprofen", "Extraktion", "Cefuroxim", "Clemastin"],
        conditions=["KHK"],
        allergies=["Penicillin", "Clemastin", "Azol", "Benzodiazepine", "Clindamycin"],
    )
    assert len(answer.findings) > 15
    for finding in answer.findings:
        assert finding.title
        assert finding.effect
        assert finding.action
        assert not finding.reviewed


def test_the_edition_s_state_stands_in_the_answer(edition: Edition) -> None:
    for today, state in ((date(2026, 11, 22), "current"), (date(2027, 2, 1), "warning"), (date(2027, 4, 1), "passive")):
        answer = evaluate(edition, Case(), today=today)
        assert answer.edition.state == state
        assert ("Die Arzneimitteldaten sind abgelaufen." in answer.not_checked) == (state == "passive")


def test_the_same_case_gives_the_same_answer(edition: Edition) -> None:
    def again() -> bytes:
        evaluation.resolver_of.cache_clear()
        return msgspec.json.encode(
            ask(edition, medication=["Falithrom", "Delix plus", "Citalopram"], planned=["Ibuprofen", "Extraktion 36", "Tramadol"])
        )

    assert again() == again()


LINES = st.lists(
    st.one_of(
        st.text(max_size=40), st.sampled_from(["Falithrom", "Ibuprofen 600", "Articain", "ASS", "Extraktion 36", "KHK", "Penicillin"])
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(medication=LINES, planned=LINES, conditions=LINES, allergies=LINES)
def test_any_text_is_answered_and_none_is_lost(
    edition: Edition, medication: list[str], planned: list[str], conditions: list[str], allergies: list[str]
) -> None:
    answer = ask(edition, medication=medication, planned=planned, conditions=conditions, allergies=allergies)
    typed = [text for text in (*medication, *planned, *conditions, *allergies) if text.strip()]
    assert [line.text for line in answer.resolved] == typed
    reported = {finding.subjects[0] for finding in answer.findings if finding.kind == "unresolved"}
    assert {line.text for line in answer.resolved if line.kind == "unresolved"} == reported
    assert msgspec.json.decode(msgspec.json.encode(answer), type=CheckAnswer) == answer


def test_allergies_that_cannot_be_obtained_are_said_in_their_own_words(edition: Edition) -> None:
    case = Case(planned=["Ibuprofen"], medication=[], patient=CasePatient(conditions=[]))
    not_asked = evaluate(edition, case, today=TODAY).not_checked
    unavailable = evaluate(edition, case, today=TODAY, allergies_unavailable=True).not_checked
    assert "Allergien nicht erfragt: Sie sind nicht geprüft." in not_asked
    assert "Allergien nicht abrufbar: Sie sind nicht geprüft." in unavailable
    assert len(unavailable) == len(not_asked)


def test_doses_of_a_day_that_cannot_be_added_up_are_told(edition: Edition) -> None:
    untold = ask(edition, medication=["Paracetamol 500 b. Bed."], planned=["Paracetamol 1000"], language="en").not_checked
    assert any("not added up" in sentence and "Paracetamol 500 b. Bed." in sentence for sentence in untold)
    once = ask(edition, medication=["Ramipril 5"], planned=["Paracetamol 1000"], language="en").not_checked
    assert not any("not added up" in sentence for sentence in once)
