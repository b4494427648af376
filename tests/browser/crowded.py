"""An invented patient with twelve medicines and more than fifteen findings, for screens that must stay calm."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.window import Desk

NAME = "Vielmehr, Anton"
MEDICINES: tuple[dict[str, Any], ...] = (
    {
        "text": "Falithrom",
        "strength": "3 mg",
        "form": "Tabl.",
        "dose_text": "nach INR-Plan",
        "reason": "Vorhofflimmern",
        "since": "2019-04",
    },
    {
        "text": "Alendronsäure",
        "strength": "70 mg",
        "form": "Tabl.",
        "dose_text": "1-mal wöchentlich",
        "reason": "Osteoporose",
        "since": "2018",
    },
    {"text": "Beloc-Zok mite", "strength": "47,5 mg", "form": "Ret.-Tabl.", "dose": {"morning": "1"}, "reason": "Bluthochdruck"},
    {"text": "Ramipril", "strength": "5 mg", "form": "Tabl.", "dose": {"morning": "1"}, "reason": "Bluthochdruck"},
    {"text": "Amlodipin", "strength": "5 mg", "form": "Tabl.", "dose": {"evening": "1"}, "reason": "Bluthochdruck"},
    {"text": "L-Thyroxin", "strength": "75 Mikrogramm", "form": "Tabl.", "dose": {"morning": "1"}, "reason": "Schilddrüse"},
    {"text": "Citalopram", "strength": "20 mg", "form": "Tabl.", "dose": {"morning": "1"}, "reason": "Depression"},
    {"text": "ASS 100", "strength": "100 mg", "form": "Tabl.", "dose": {"morning": "1"}, "reason": "Stent", "since": "2024-11"},
    {"text": "Torasemid", "strength": "10 mg", "form": "Tabl.", "dose": {"morning": "1"}, "reason": "Herzschwäche"},
    {"text": "Metformin", "strength": "1000 mg", "form": "Tabl.", "dose": {"morning": "1", "evening": "1"}, "reason": "Diabetes"},
    {"text": "Simvastatin", "strength": "20 mg", "form": "Tabl.", "dose": {"evening": "1"}, "reason": "Blutfette"},
    {"text": "Prednisolon", "strength": "5 mg", "form": "Tabl.", "dose": {"morning": "1"}, "reason": "Rheuma"},
)
ENTRIES: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("medication", medicine) for medicine in MEDICINES),
    ("conditions", {"text": "Vorhofflimmern", "answer": "yes"}),
    ("conditions", {"text": "Herzklappenprothese", "answer": "yes", "since": "2021"}),
    ("allergies", {"text": "Penicillin", "reaction": "Quaddeln sofort", "onset": "immediate", "severity": "severe", "year": "2011"}),
    ("observations", {"kind": "egfr", "value": 55, "measured_on": "2026-11-02"}),
    ("observations", {"kind": "weight_kg", "value": 80, "measured_on": "2026-11-02"}),
)
PLANNED = ("Extraktion 36", "Ibuprofen 600", "Articain 1:100.000")
_ASK = """async ([method, path, token, body]) => {
    const headers = { "Content-Type": "application/json", ...(token ? { "Miz-Fencing-Token": token } : {}) };
    const answer = await fetch(`/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
}"""


def open_crowded(seat: Desk) -> None:
    """Open the patient for editing, with the same plan every time; it is made where there is none yet."""
    page = seat.page
    found = page.evaluate(_ASK, ["POST", "/patients/search", "", {"q": NAME, "limit": 1}])["items"]
    if not found:
        identity = {"family_name": "Vielmehr", "given_name": "Anton", "birth_date": "1948-02-17", "sex": "male"}
        page.evaluate(_ASK, ["POST", "/patients", "", identity])
    seat.open(NAME)
    expect(page.locator("#lock .pill.mine")).to_be_visible()
    token = page.locator("#add input[name=fencing_token]").input_value()
    patient = f"/patients/{page.locator('#live').get_attribute('data-patient')}"
    for kind, entry in () if found else ENTRIES:
        page.evaluate(_ASK, ["POST", f"{patient}/{kind}", token, entry])
    page.evaluate(_ASK, ["PATCH", patient, token, {"planned": list(PLANNED)}])
    page.reload()
    expect(page.locator("#list [data-row]")).to_have_count(len(MEDICINES))
    expect(page.locator("#planned .chip")).to_have_count(len(PLANNED))
    expect(page.locator("#lock .pill.mine")).to_be_visible()
