"""What a typed line is taken to mean, and what is never chosen."""

from datetime import date

import pytest

from miz.knowledge.edition import Edition
from miz.knowledge.resolution import Resolution
from miz.knowledge.resolver import Resolver

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def resolver(edition: Edition) -> Resolver:
    return Resolver(edition)


def inns(edition: Edition, found: Resolution) -> list[str]:
    return [edition.substances[part].inn for part in found.substances]


@pytest.mark.parametrize(
    ("line", "kind", "substances"),
    [
        ("Falithrom", "product", ["phenprocoumon"]),
        ("Beloc-Zok mite 47,5 1-0-0", "product", ["metoprolol"]),
        ("Beloc-Zok comp", "combination", ["metoprolol", "hydrochlorothiazide"]),
        ("ASS 100", "substance", ["acetylsalicylic acid (low dose)"]),
        ("Aspirin 500", "product", ["acetylsalicylic acid"]),
        ("Aspirin 100 mg", "product", ["acetylsalicylic acid (low dose)"]),
        ("Godamed 500", "product", ["acetylsalicylic acid"]),
        ("Meto succ 95", "substance", ["metoprolol"]),
        ("Metoprolol ratiopharm 47,5", "substance", ["metoprolol"]),
        ("Simva-CT 20", "substance", ["simvastatin"]),
        ("Ramipril 1A Pharma 5 mg", "substance", ["ramipril"]),
        ("Vitamin B12 1000", "substance", ["cyanocobalamin"]),
        ("Ibu600", "substance", ["ibuprofen"]),
        ("Candesartan/HCT 16/12,5", "combination", ["candesartan", "hydrochlorothiazide"]),
        ("Ramipril + Amlodipin", "combination", ["ramipril", "amlodipine"]),
        ("Amoxiclav 875/125", "combination", ["amoxicillin and beta-lactamase inhibitor"]),
        ("L-Thyrox 75", "substance", ["levothyroxine sodium"]),
        ("Marcumar nach Plan", "product", ["phenprocoumon"]),
        ("Xgeva alle 4 Wochen", "product", ["denosumab"]),
        ("Novalgin Tropfen b. Bed.", "product", ["metamizole sodium"]),
        ("Ramipril 5 mg 1x tgl", "substance", ["ramipril"]),
        ("Vitamin D3 1000", "substance", ["colecalciferol"]),
        ("Fali", "product", ["phenprocoumon"]),
        ("phenprocoumon", "substance", ["phenprocoumon"]),
    ],
)
def test_medicines_as_they_are_typed(edition: Edition, resolver: Resolver, line: str, kind: str, substances: list[str]) -> None:
    found = resolver.medication(line)
    assert (found.kind, inns(edition, found), found.text) == (kind, substances, line)


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("Metropolol", "Metoprolol"),
        ("Clonipin", "Clozapin"),
        ("Clozidin", "Clonidin"),
        ("Prednisoln", "Prednison"),
        ("Metopramid", "Metoclopramid"),
        ("Paracetamol forte", "Paracetamol"),
        ("Falitrm", "Falithrom"),
        ("Cortison", "Hydrocortison"),
        ("Blutverdünner 1-0-0", "Phenprocoumon"),
        ("Antibiotikum", "Amoxicillin"),
        ("kein Marcumar", "Marcumar"),
        ("Insulin", "Humaninsulin"),
        ("Benzodiazepin", "Alprazolam"),
        ("Eisen", "Eisen(II)-sulfat"),
    ],
)
def test_what_is_not_sure_is_suggested_never_chosen(resolver: Resolver, line: str, suggestion: str) -> None:
    found = resolver.medication(line)
    assert found.kind == "unresolved"
    assert found.tokens == frozenset()
    assert suggestion in found.suggestions


@pytest.mark.parametrize("line", ["Clonid", "Cloz", "Metopr", "Metocl"])
def test_look_alikes_are_told_apart_by_their_letters(resolver: Resolver, line: str) -> None:
    found = resolver.medication(line)
    assert found.name.de.startswith(line)


@pytest.mark.parametrize("line", ["Met o", "Pred", "Predni", "Prednis", "Lora", "Riva", "Cef", "Meth", "Biperal", "Prednihexal"])
def test_a_beginning_that_fits_several_chooses_none(resolver: Resolver, line: str) -> None:
    assert resolver.medication(line).kind == "unresolved"


@pytest.mark.parametrize("line", ["Tee vom Heilpraktiker", "", "   ", "😀", "???", "1-0-0", pytest.param("x" * 10_000, id="long")])
def test_unknown_lines_stay_as_typed(resolver: Resolver, line: str) -> None:
    for found in (resolver.medication(line), resolver.planned(line), resolver.condition(line, TODAY), resolver.allergy(line)):
        assert (found.kind, found.text, found.name.de) == ("unresolved", line, line)


def test_aspirin_without_strength_counts_as_both_and_asks(edition: Edition, resolver: Resolver) -> None:
    for line in ("ASS", "Aspirin", "ASS ratiopharm", "Acetylsalicylsäure 300"):
        found = resolver.medication(line)
        assert inns(edition, found) == ["acetylsalicylic acid (low dose)", "acetylsalicylic acid"], line
        assert found.questions == ("strength",)
    assert inns(edition, resolver.planned("ASS")) == ["acetylsalicylic acid"]


def test_the_form_and_the_release_are_asked_for(resolver: Resolver) -> None:
    assert resolver.medication("Voltaren").questions == ("form",)
    assert resolver.medication("Adalat retard 20").questions == ("suffix",)
    assert resolver.medication("Beloc-Zok mite").questions == ()
    assert resolver.medication("Thomapyrin").questions == ("ingredient",)


def test_a_picked_drug_counts_whatever_the_text(edition: Edition, resolver: Resolver) -> None:
    assert inns(edition, resolver.medication("die rote Tablette", "falithrom")) == ["phenprocoumon"]
    assert inns(edition, resolver.medication("Metohexal", "metohexal")) == ["metoprolol"]
    assert inns(edition, resolver.medication("Aspirin", "aspirin", "100 mg")) == ["acetylsalicylic acid (low dose)"]
    assert inns(edition, resolver.medication("Aspirin", "aspirin")) == ["acetylsalicylic acid (low dose)", "acetylsalicylic acid"]
    assert inns(edition, resolver.medication("Falithrom", "an id of another edition")) == ["phenprocoumon"]


@pytest.mark.parametrize(
    ("line", "procedures"),
    [
        ("Extraktion 36", ["extraction_simple"]),
        ("Extr. 36", ["extraction_simple"]),
        ("Ex 18, 28", ["extraction_simple"]),
        ("Zahn 36 ziehen", ["extraction_simple"]),
        ("Leitungsanästhesie", ["block"]),
        ("Füllung 16", ["filling"]),
        ("F2 36", ["filling"]),
        ("PZR", ["prophylaxis_cleaning"]),
        ("WSR 15", ["apicoectomy"]),
        ("Implantat regio 46", ["implant"]),
        ("01", ["examination"]),
        ("8er-OP", ["osteotomy"]),
        ("Extraktion 36 und Implantat 46", ["extraction_simple", "implant"]),
        ("Wurzelkanalbehandlung 26", ["root_canal"]),
        ("Osteotom", ["osteotomy"]),
    ],
)
def test_procedures_as_they_are_typed(resolver: Resolver, line: str, procedures: list[str]) -> None:
    found = resolver.planned(line)
    assert (found.kind, list(found.ids)) == ("procedure", procedures)


@pytest.mark.parametrize(
    ("line", "substances"),
    [
        ("Ibuprofen 600", ["ibuprofen"]),
        ("Articain 1:100.000", ["articaine", "epinephrine"]),
        ("Articain 1:200 000", ["articaine", "epinephrine"]),
        ("Articain 4 % mit Adrenalin 1:100000", ["articaine", "epinephrine"]),
        ("Ultracain D-S", ["articaine", "epinephrine"]),
        ("UDS forte", ["articaine", "epinephrine"]),
        ("Articain ohne Adrenalin", ["articaine"]),
        ("Mepivacain ohne Vasokonstriktor", ["mepivacaine"]),
        ("Mepivacaine without vasoconstrictor", ["mepivacaine"]),
        ("Ultracain D ohne Adrenalin", ["articaine"]),
        ("Lidocain 2 % 1:80.000", ["lidocaine", "epinephrine"]),
        ("Lidocain Spray", ["lidocaine"]),
        ("Mepivacain 3%", ["mepivacaine"]),
        ("Mepivacain 2% 1:100.000", ["mepivacaine", "epinephrine"]),
        ("Mepivacain mit Noradrenalin", ["mepivacaine", "norepinephrine"]),
        ("Scandonest", ["mepivacaine"]),
        ("Prilocain mit Felypressin", ["prilocaine", "felypressin"]),
    ],
)
def test_planned_drugs_as_they_are_typed(edition: Edition, resolver: Resolver, line: str, substances: list[str]) -> None:
    assert inns(edition, resolver.planned(line)) == substances


def test_articaine_alone_is_judged_with_epinephrine_and_asks(edition: Edition, resolver: Resolver) -> None:
    found = resolver.planned("Articain")
    assert (inns(edition, found), found.questions) == (["articaine", "epinephrine"], ("addition",))


def test_nitrous_oxide_is_a_procedure_and_a_drug(resolver: Resolver) -> None:
    assert "nitrous-oxide" in resolver.planned("Lachgas").tokens


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("Vorhofflimmern", "A_FIB"),
        ("VHF", "A_FIB"),
        ("Vorhofflimmern seit 2010", "A_FIB"),
        ("A_FIB", "A_FIB"),
        ("Herzinfarkt vor 3 Monaten", "ACS_RECENT"),
        ("Herzinfarkt vor zwei Jahren", "CHD"),
        ("Herzinfarkt 2019", "CHD"),
        ("Herzinfarkt 2026", "ACS_RECENT"),
        ("Heart attack 3 months ago", "ACS_RECENT"),
        ("Schlaganfall vor 2 Jahren", "STROKE_OLD"),
        ("Schlaganfall vor 6 Wochen", "STROKE_RECENT"),
        ("Asthma", "ASTHMA"),
        ("Z. n. Endokarditis", "IE_PAST"),
        ("Künstliche Herzklappe", "VALVE"),
        ("I48.0", "A_FIB"),
        ("E11.9", "DM2"),
        ("Hypertonie", "HTN"),
    ],
)
def test_conditions_as_they_are_typed(resolver: Resolver, line: str, condition: str) -> None:
    found = resolver.condition(line, TODAY)
    assert (found.kind, found.ids) == ("condition", (condition,))


def test_an_infarction_without_time_is_judged_as_recent_and_asks(resolver: Resolver) -> None:
    found = resolver.condition("Herzinfarkt", TODAY)
    assert (found.ids, found.questions) == (("ACS_RECENT",), ("time",))
    assert resolver.condition("ACS_RECENT", TODAY).questions == ()


@pytest.mark.parametrize(
    "line",
    [
        "Z86.7",
        "J45",
        "Q24.9",
        "D35.0",
        "Niereninsuffizienz",
        "Asthma?",
        "I48.1 V",
        "kein Asthma",
        "V. a. Asthma",
        "Heuschnupfen",
    ],
)
def test_conditions_that_are_not_sure_are_not_concluded(resolver: Resolver, line: str) -> None:
    assert resolver.condition(line, TODAY).kind == "unresolved"


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        ("Penicillin, Quaddeln sofort", ["penicillin"]),
        ("Allergie gegen Penicillin", ["penicillin"]),
        ("Penicillinallergie", ["penicillin"]),
        ("Amoxi Ausschlag nach 8 Tagen", ["penicillin"]),
        ("Novalgin", ["pyrazolon"]),
        ("Ibuprofen", ["nsaid"]),
        ("Latex", ["latex"]),
        ("Jod", ["iod"]),
        ("Ultracain D-S", ["la_amid", "sulfit"]),
    ],
)
def test_allergies_as_they_are_typed(resolver: Resolver, line: str, groups: list[str]) -> None:
    found = resolver.allergy(line)
    assert (found.kind, list(found.ids)) == ("allergy", groups)


@pytest.mark.parametrize("line", ["keine Allergien", "keine Penicillinallergie", "Nickel", "Pollen", "Schmerzmittel"])
def test_allergies_that_are_not_sure_are_not_concluded(resolver: Resolver, line: str) -> None:
    assert resolver.allergy(line).kind == "unresolved"


def test_every_name_of_the_tables_leads_to_its_own_row(edition: Edition, resolver: Resolver) -> None:
    asked = {"articaine", "aspirin", "ass-ratiopharm", "godamed", "tilidine"}  # their names leave something open, or mean a combination
    for drug in edition.facts.drugs:
        for name in (drug.name.de, drug.name.en):
            if drug.id not in asked:
                assert resolver.medication(name).substances == drug.substances, name
    for condition in edition.facts.conditions:
        for name in condition.names:
            assert resolver.condition(name, TODAY).ids == (condition.id,), name
    for procedure in edition.facts.procedures:
        for name in procedure.names:
            assert resolver.planned(name).ids == (procedure.id,), name
    for allergy in edition.facts.allergies:
        for name in allergy.names:
            assert resolver.allergy(name).ids == (allergy.id,), name
