"""Twelve invented patients to practise with, in every practice; together they show every risk class of the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from miz.wire.client_protocol import EntryKind


@dataclass(frozen=True)
class SamplePatient:
    """Identity and first entries of an invented patient."""

    identity: Mapping[str, Any]
    entries: Sequence[tuple[EntryKind, Mapping[str, Any]]]


def _sample(
    name: str, birth_date: str, sex: str, *, takes: Sequence[str], has: Sequence[str] = (), allergies: Sequence[Mapping[str, Any]] = (),
    measured: Mapping[str, float] | None = None,
) -> SamplePatient:  # fmt: skip
    family_name, given_name = name.split(", ")
    entries: list[tuple[EntryKind, Mapping[str, Any]]] = [("medication", _medication(line)) for line in takes]
    entries += [("conditions", {"text": text, "answer": "yes"}) for text in has]
    entries += [("allergies", allergy) for allergy in allergies]
    entries += [("observations", {"kind": kind, "value": value, "measured_on": "2026-11-02"}) for kind, value in (measured or {}).items()]
    number = f"9{len(_made) + 1:03d}"
    _made.append(number)
    identity = {"family_name": family_name, "given_name": given_name, "birth_date": birth_date, "sex": sex, "number": number}
    return SamplePatient(identity, entries)


def _medication(line: str) -> dict[str, Any]:
    """`text | strength | form | mo mi ab zN | reason`; what is not said stays open."""
    text, strength, form, dose, reason = (*(part.strip() for part in line.split("|")), "", "", "", "")[:5]
    entry: dict[str, Any] = {"text": text, "strength": strength, "form": form, "reason": reason}
    times = dose.split()
    if len(times) == 4:
        entry["dose"] = dict(zip(("morning", "noon", "evening", "night"), times, strict=True))
    elif dose:
        entry["dose_text"] = dose
    return entry


_made: list[str] = []

SAMPLE_PATIENTS: Sequence[SamplePatient] = (
    _sample(
        "Muster, Erika", "1948-03-12", "female",
        takes=[
            "Falithrom | 3 mg | Tabl. | nach INR-Plan | Vorhofflimmern",
            "Alendronsäure | 70 mg | Tabl. | 1-mal wöchentlich, montags | Osteoporose",
            "Beloc-Zok mite | 47,5 mg | Ret.-Tabl. | 1 0 0 0 | Bluthochdruck",
            "Ramipril | 5 mg | Tabl. | 1 0 0 0 | Bluthochdruck",
            "Amlodipin | 5 mg | Tabl. | 0 0 1 0 | Bluthochdruck",
            "L-Thyroxin | 75 Mikrogramm | Tabl. | 1 0 0 0 | Schilddrüse",
        ],
        has=["Vorhofflimmern", "Osteoporose unter Antiresorptivum"],
        allergies=[{"text": "Penicillin", "reaction": "Quaddeln sofort", "onset": "immediate", "severity": "severe", "year": "2011"}],
        measured={"weight_kg": 64, "egfr": 55, "inr": 2.6},
    ),
    _sample(
        "Beispiel, Karl", "1951-07-30", "male",
        takes=[
            "Eliquis | 5 mg | Tabl. | 1 0 1 0 | Vorhofflimmern",
            "ASS 100 | 100 mg | Tabl. | 1 0 0 0 | Stent",
            "Simvastatin | 20 mg | Tabl. | 0 0 0 1 | Blutfette",
            "Digitoxin | 0,07 mg | Tabl. | 1 0 0 0 | Herzschwäche",
            "Spironolacton | 25 mg | Tabl. | 1 0 0 0 | Herzschwäche",
            "Hydrochlorothiazid | 12,5 mg | Tabl. | 1 0 0 0 | Bluthochdruck",
        ],
        has=["Herzinsuffizienz", "Koronarstent"],
        measured={"weight_kg": 82, "egfr": 48},
    ),
    _sample(
        "Probe, Ilse", "1957-01-19", "female",
        takes=[
            "Xgeva | 120 mg | Inj. | alle 4 Wochen | Knochenmetastasen",
            "Prednisolon | 5 mg | Tabl. | 1 0 0 0 | Rheuma",
            "Methotrexat | 15 mg | Tabl. | 1-mal wöchentlich | Rheuma",
            "Pantoprazol | 40 mg | Tabl. | 1 0 0 0 | Magenschutz",
            "Calciumcarbonat | 500 mg | Tabl. | 1 0 1 0 | Knochen",
        ],
        has=["Knochenmetastasen unter Antiresorptivum"],
        measured={"weight_kg": 58},
    ),
    _sample(
        "Vorlage, Heinz", "1944-11-05", "male",
        takes=[
            "Amitriptylin | 25 mg | Tabl. | 0 0 0 1 | Schmerzen",
            "Oxybutynin | 5 mg | Tabl. | 1 0 1 0 | Blase",
            "Doxazosin | 4 mg | Tabl. | 0 0 0 1 | Prostata",
            "Propranolol | 40 mg | Tabl. | 1 0 1 0 | Tremor",
            "Lorazepam | 1 mg | Tabl. | 0 0 0 1/2 | Schlaf",
        ],
        has=["Prostatahyperplasie"],
        measured={"weight_kg": 77},
    ),
    _sample(
        "Übung, Mareike", "1996-05-23", "female",
        takes=[
            "Pille | | | 1-mal täglich | Verhütung",
            "Sertralin | 50 mg | Tabl. | 1 0 0 0 | Depression",
            "Bupropion | 150 mg | Ret.-Tabl. | 1 0 0 0 | Depression",
            "Eisen(II)-sulfat | 100 mg | Tabl. | 1 0 0 0 | Blutarmut",
            "Pyridostigmin | 60 mg | Tabl. | 1 1 1 0 | Myasthenie",
        ],
        measured={"weight_kg": 61},
    ),
    _sample(
        "Muster, Emil", "1950-02-03", "male",
        takes=[
            "Insulin glargin | | Inj. | 0 0 0 18 I. E. | Diabetes",
            "Jardiance | 10 mg | Tabl. | 1 0 0 0 | Diabetes",
            "Ozempic | 1 mg | Inj. | 1-mal wöchentlich | Diabetes",
            "Metformin | 1000 mg | Tabl. | 1 0 1 0 | Diabetes",
        ],
        has=["Diabetes mellitus Typ 2", "Herzklappenprothese"],
        measured={"weight_kg": 96, "egfr": 62},
    ),
    _sample(
        "Modell, Sabine", "1969-09-14", "female",
        takes=[
            "Ciclosporin | 100 mg | Kaps. | 1 0 1 0 | Nierentransplantation",
            "Mycophenolat | 500 mg | Tabl. | 1 0 1 0 | Nierentransplantation",
            "Nifedipin | 30 mg | Ret.-Tabl. | 1 0 0 0 | Bluthochdruck",
            "Dapson | 50 mg | Tabl. | 1 0 0 0 | Haut",
        ],
        has=["Organtransplantation"],
        measured={"weight_kg": 70, "egfr": 41},
    ),
    _sample(
        "Skizze, Jonas", "1988-12-01", "male",
        takes=[
            "Hemlibra | | Inj. | 1-mal wöchentlich | Hämophilie A",
            "Buprenorphin | 8 mg | Subl.-Tabl. | 1 0 0 0 | Substitution",
            "Paracetamol | 500 mg | Tabl. | bei Bedarf | Gelenkschmerzen",
        ],
        has=["Hämophilie A/B", "Opioidsubstitution"],
        measured={"weight_kg": 74},
    ),
    _sample(
        "Entwurf, Renate", "1961-04-27", "female",
        takes=[
            "Haloperidol | 2 mg | Tabl. | 0 0 1 0 | Psychose",
            "Clozapin | 100 mg | Tabl. | 0 0 1 0 | Psychose",
            "Lithium | 400 mg | Ret.-Tabl. | 1 0 1 0 | Stimmung",
            "Citalopram | 20 mg | Tabl. | 1 0 0 0 | Depression",
        ],
        measured={"weight_kg": 68},
    ),
    _sample(
        "Exempel, Wolfgang", "1954-08-08", "male",
        takes=[
            "Amiodaron | 200 mg | Tabl. | 1 0 0 0 | Herzrhythmus",
            "Symbicort | | Inhal. | 1 0 1 0 | COPD",
            "Salbutamol | | Inhal. | bei Bedarf | COPD",
            "Botulinumtoxin | | Inj. | alle 3 Monate | Dystonie",
            "Pilocarpin | 5 mg | Tabl. | 1 1 1 0 | Mundtrockenheit",
        ],
        has=["COPD", "Engwinkelglaukom"],
        measured={"weight_kg": 88},
    ),
    _sample(
        "Schablone, Lena", "2015-06-17", "female",
        takes=["Methylphenidat | 10 mg | Tabl. | 1 0 0 0 | ADHS", "Desmopressin | 0,1 mg | Tabl. | 0 0 0 1 | Einnässen"],
        allergies=[{"text": "Latex", "reaction": "Ekzem", "onset": "delayed", "severity": "mild"}],
        measured={"weight_kg": 31},
    ),
    _sample(
        "Test, Ottilie", "1939-10-31", "female",
        takes=["Vincristin | | Inf. | Zyklus alle 3 Wochen | Lymphom", "Phenytoin | 100 mg | Tabl. | 1 1 1 0 | Epilepsie", "Tee vom Heilpraktiker | | | |"],
        has=["Epilepsie"],
        measured={"weight_kg": 55},
    ),
)  # fmt: skip
