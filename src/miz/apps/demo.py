"""A practice to try everything in: invented people, an embedded database, passwords that are printed."""

import itertools
import random
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from miz.access import users
from miz.access.passwords import PasswordDesk
from miz.access.sessions import LOCAL
from miz.apps.bootstrap import Server, data_folder, set_up_practice
from miz.infra.db.writer import Transaction
from miz.infra.files import write_whole
from miz.infra.settings import Settings, read_settings
from miz.practice.patients.service import Records
from miz.wire.client_protocol import EntryKind, NewPatient

PRACTICE = "Demopraxis Dr. Kern"
PEOPLE = (
    ("Dr. Kern", "zahnarzt-demo-2026", ["dentist", "owner"]),
    ("Fr. Berger", "assistenz-demo-2026", ["assistant"]),
    ("Fr. Lenz", "empfang-demo-2026", ["front_desk"]),
)
PLACES = {"Zimmer 1": True, "Zimmer 2": True, "Zimmer 3": True, "Empfang": False, "Büro": False}
SYNTHETIC = 300

_FAMILY_NAMES = (
    "Ahlers Albers Arnold Baumann Behrens Bergmann Bischoff Blum Böhm Brandt Busch Christiansen Dietz Ebert Engel Ernst Fiedler Frank Franke Fuhrmann "
    "Gärtner Gebauer Graf Günther Haas Hahn Hartung Heinemann Heller Hempel Henning Herzog Hoffmeister Horn Jäger Jansen Kaiser Keller Kirchner Köhler "
    "Kraft Krämer Kuhn Lehnert Lindner Lorenz Ludwig Maurer Moser Nagel Naumann Neubauer Oehler Ott Pfeiffer Pohl Raabe Reimann Reuter Ritter Rohde "
    "Sander Schilling Schramm Seidel Simon Sommer Stein Steiner Thiele Ullrich Vogt Voß Wagner Walther Weiß Wendt Winkler Wirth Zander Ziegler Yıldız "
    "Öztürk Nowak Kowalski Petrović Nguyễn Rossi García"
).split()
_GIVEN_NAMES = {
    "female": "Anke Birgit Carla Dagmar Elif Frieda Gesa Hanna Ines Jutta Karin Lena Maria Nadja Olga Petra Renate Sabine Tanja Ursula Vera Wiebke".split(),
    "male": "Arne Bernd Claus Detlef Emre Frank Georg Heiko Ingo Jens Karl Lars Mirko Norbert Ole Peter Rainer Sven Thomas Uwe Volker Walter".split(),
}
_TAKEN = (
    "Ramipril|5 mg|Tabl.|1 0 0 0", "Bisoprolol|2,5 mg|Tabl.|1 0 0 0", "Amlodipin|5 mg|Tabl.|0 0 1 0", "Simvastatin|20 mg|Tabl.|0 0 0 1",
    "Atorvastatin|40 mg|Tabl.|0 0 0 1", "Metformin|1000 mg|Tabl.|1 0 1 0", "Pantoprazol|20 mg|Tabl.|1 0 0 0", "ASS 100|100 mg|Tabl.|1 0 0 0",
    "Xarelto|20 mg|Tabl.|0 0 1 0", "Marcumar|3 mg|Tabl.|nach INR-Plan", "L-Thyroxin|50 Mikrogramm|Tabl.|1 0 0 0", "Sertralin|50 mg|Tabl.|1 0 0 0",
    "Candesartan|8 mg|Tabl.|1 0 0 0", "Torasemid|10 mg|Tabl.|1 0 0 0", "Alendronsäure|70 mg|Tabl.|1-mal wöchentlich", "Salbutamol||Inhal.|bei Bedarf",
    "Clopidogrel|75 mg|Tabl.|1 0 0 0", "Tamsulosin|0,4 mg|Kaps.|1 0 0 0", "Citalopram|20 mg|Tabl.|1 0 0 0", "Allopurinol|100 mg|Tabl.|1 0 0 0",
)  # fmt: skip
_ALLERGIES = ("Penicillin", "Latex", "Metamizol", "Clindamycin", "Ibuprofen")


def make_demo(path: Path | None, settings: Settings | None = None) -> tuple[Server, tempfile.TemporaryDirectory[str] | None]:
    """The demo practice in `path`, made there if nothing is; without a path in a folder that goes when the demo stops."""
    scratch = None if path else tempfile.TemporaryDirectory(prefix="miz-demo-")
    folder = data_folder(Path(scratch.name) / "practice" if scratch else path or Path())
    chosen = settings or read_settings()
    chosen = replace(chosen, key_file=chosen.key_file or str(folder.path / "demo.key"), api_docs=True)
    if not folder.has_practice:
        recovery_key = set_up_practice(
            folder,
            chosen,
            practice=PRACTICE,
            owner=PEOPLE[0][0],
            owner_roles=PEOPLE[0][2],
            password=PEOPLE[0][1],
            places=PLACES,
            follow=_fill,
        )
        write_whole(folder.path / "recovery-key.txt", recovery_key.encode() + b"\n", is_private=True)
    return Server(folder, chosen), scratch


def sign_in_data(url: str) -> bytes:
    """What the ready file holds: the address and who may sign in."""
    return msgspec.json.encode(
        {"url": url, "users": [{"name": name, "password": password, "role": roles[0]} for name, password, roles in PEOPLE]}
    )


def _fill(records: Records, tx: Transaction) -> None:
    hasher = PasswordDesk()
    for name, password, roles in PEOPLE[1:]:
        users.add_user(tx, name=name, roles=roles, password_hash=hasher.hash_now(password))
    for identity, entries in itertools.islice(synthetic_patients(), SYNTHETIC):
        records.create_patient(tx, LOCAL, NewPatient(**identity), entries)


def synthetic_patients(seed: int = 2026) -> Iterator[tuple[dict[str, Any], list[tuple[EntryKind, Mapping[str, Any]]]]]:
    """Invented patients without end, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - invented people, no secret
    return (_synthetic(chance, number) for number in itertools.count(10_001))


def _synthetic(chance: random.Random, number: int) -> tuple[dict[str, Any], list[tuple[EntryKind, Mapping[str, Any]]]]:
    sex = chance.choice(("female", "male"))
    age = min(95, max(6, round(chance.gauss(52, 20))))
    identity = {
        "family_name": chance.choice(_FAMILY_NAMES), "given_name": chance.choice(_GIVEN_NAMES[sex]), "sex": sex, "number": str(number),
        "birth_date": f"{2026 - age}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}",
    }  # fmt: skip
    entries: list[tuple[EntryKind, Mapping[str, Any]]] = []
    for line in chance.sample(_TAKEN, k=min(len(_TAKEN), max(0, round(chance.gauss(age / 15 - 1, 1.5))))):
        text, strength, form, dose = line.split("|")
        times = dose.split(" ")
        is_scheme = len(times) == 4 and times[0].isdigit()
        how = {"dose": dict(zip(("morning", "noon", "evening", "night"), times, strict=True))} if is_scheme else {"dose_text": dose}
        entries.append(("medication", {"text": text, "strength": strength, "form": form, **how}))
    if chance.random() < 0.15:
        entries.append(("allergies", {"text": chance.choice(_ALLERGIES), "onset": "unknown"}))
    return identity, entries
