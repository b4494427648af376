"""The pages over real HTTP, as a browser without scripts or htmx asks for them."""

import re

import pytest

from tests.practice.web.visitor import HTMX, Visitor
from tests.support.practice import PASSWORD, ServerThread


def test_without_a_session_the_way_leads_to_the_sign_in_page_and_back(visitor: Visitor) -> None:
    answer = visitor.get("/patients/new")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?next=/patients/new")
    assert visitor.get("/sign-in?next=/patients/new").text.count('value="/patients/new"') == 1


def test_wrong_password_is_said_with_its_status(visitor: Visitor) -> None:
    answer = visitor.post("/sign-in", {"user": "Dr. Prüfer", "password": "falsch"})
    assert answer.status == 401
    assert "Benutzername oder Passwort stimmt nicht." in answer.text
    assert "set-cookie" not in answer.headers
    assert 'value="Dr. Prüfer"' in answer.text


@pytest.mark.parametrize("path", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", ""])
def test_sign_in_leads_to_this_server_only(visitor: Visitor, path: str) -> None:
    answer = visitor.post("/sign-in", {"user": "Dr. Prüfer", "password": PASSWORD, "next": path})
    assert answer.headers["location"] == "/"


def test_session_cookie_is_for_this_server_and_no_script(visitor: Visitor) -> None:
    cookie = visitor.post("/sign-in", {"user": "Dr. Prüfer", "password": PASSWORD}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_form_of_a_foreign_page_is_refused(visitor: Visitor) -> None:
    visitor.sign_in()
    answer = visitor.post("/patients", {"family_name": "Probe"}, **{"sec-fetch-site": "cross-site"})
    assert answer.status == 403


def test_search_finds_and_shows_no_name_in_an_address(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.new_patient(family_name="Gräfenberg-Öztürk")
    answer = visitor.post("/patients/search", {"q": "gräfen"})
    assert "GRÄFENBERG-ÖZTÜRK" in answer.text
    assert not re.search(r'(href|action)="[^"]*gr', answer.text, re.IGNORECASE)


def test_names_are_text_and_nothing_else(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient(family_name="<script>alert(1)</script>")
    page = visitor.get(address).text
    assert "<script>alert" not in page
    assert "&lt;SCRIPT&gt;ALERT(1)" in page


def test_same_names_are_marked(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.new_patient(birth_date="1960")
    visitor.new_patient(birth_date="1961")
    assert visitor.post("/patients/search", {"q": "Probe, Petra"}).text.count("Gleicher Name – Geburtsdatum prüfen") == 2


def test_page_for_an_unknown_window_cannot_be_written_on(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    assert "Sie bearbeiten" in visitor.get(address).text
    visitor.application = ""
    page = visitor.get(address).text
    assert "Verbindung wird hergestellt" in page
    assert "fencing_token" not in page


def test_write_without_token_is_refused_in_place(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    answer = visitor.post(f"{address}/medication", {"text": "Ramipril"}, **HTMX)
    assert answer.status == 428
    assert answer.headers["hx-retarget"] == "#notice"
    assert answer.headers["miz-problem"] == "fencing-token-missing"
    assert "<html" not in answer.text


def test_write_after_the_patient_was_closed_is_refused(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    token = visitor.token(address)
    assert visitor.post(f"{address}/closing").status == 303
    answer = visitor.post(f"{address}/medication", {"text": "Ramipril", "fencing_token": token}, **HTMX)
    assert answer.status == 412
    assert "Ihre Bearbeitung dieses Patienten ist beendet." in answer.text


def test_form_that_arrives_twice_acts_once(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    form = {"text": "Ramipril", "morning": "1", "fencing_token": visitor.token(address), "idempotency_key": "k1"}
    assert [visitor.post(f"{address}/medication", form).status for _ in range(2)] == [303, 303]
    assert visitor.get(address).text.count("data-row id=") == 1
    changed = visitor.post(f"{address}/medication", {**form, "text": "Bisoprolol"})
    assert changed.status == 422


def test_answer_to_htmx_offers_to_take_the_change_back(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    token = visitor.token(address)
    page = visitor.post(f"{address}/medication", {"text": "Ramipril", "fencing_token": token}, **HTMX)
    assert page.status == 200
    assert "Ramipril hinzugefügt." in page.text
    undo = re.search(r'action="([^"]+/restore)"', page.text)[1]  # type: ignore[index]
    assert "rückgängig gemacht" in visitor.post(undo, {"fencing_token": token}, **HTMX).text
    assert "data-row id=" not in visitor.get(address).text


def test_unknown_drug_is_kept_as_typed_and_not_called_safe(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    visitor.post(f"{address}/medication", {"text": "Tee vom Heilpraktiker", "fencing_token": visitor.token(address)})
    page = visitor.get(address).text
    assert "Nicht geprüft: „Tee vom Heilpraktiker“ ist kein Eintrag der Arzneimitteldaten." in page


def test_planned_drug_against_the_medication(visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    token = visitor.token(address)
    visitor.post(f"{address}/medication", {"text": "Falithrom", "fencing_token": token})
    visitor.post(f"{address}/planned", {"text": "Ibuprofen 600", "fencing_token": token})
    page = visitor.get(address).text
    assert re.search(r'<details class="card high"[^>]*data-key="[^"]*I001', page)
    assert "FALITHROM®" in page


def test_front_desk_sees_allergies_and_nothing_of_the_medication(server: ServerThread, visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    visitor.post(f"{address}/medication", {"text": "Falithrom", "fencing_token": visitor.token(address)})
    desk = Visitor(server.url).sign_in("Fr. Empfang")
    page = desk.get(address).text
    assert "Allergien nicht erfragt" in page
    assert "alithrom" not in page.casefold()
    assert desk.post(f"{address}/medication", {"text": "Ramipril"}).status == 403


def test_patient_open_elsewhere_is_shown_for_reading(server: ServerThread, visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    other = Visitor(server.url).sign_in("Fr. Assistenz")
    assert other.post(f"{address}/opening").status == 303
    page = other.get(address).text
    assert "In Benutzung" in page
    assert "(Dr. Prüfer)" in page
    assert "fencing_token" not in page


def test_untouched_screen_locks_and_opens_with_the_password(server: ServerThread, visitor: Visitor) -> None:
    visitor.sign_in()
    address = visitor.new_patient()
    server.clock.steady += 16 * 60
    answer = visitor.get(address)
    assert (answer.status, answer.headers["location"]) == (303, f"/locked?next={address}")
    locked = visitor.get(f"/locked?next={address}")
    assert "Probe" not in locked.text
    assert visitor.post("/locked", {"password": "falsch"}).status == 401
    assert visitor.post("/locked", {"password": PASSWORD, "next": address}).headers["location"] == address
    assert visitor.get(address).status == 200


def test_static_files_are_kept_for_ever_under_their_own_hash(visitor: Visitor) -> None:
    page = visitor.get("/sign-in").text
    sheet = re.search(r'href="(/static/[^"]+/miz.css)"', page)[1]  # type: ignore[index]
    assert "immutable" in visitor.get(sheet).headers["cache-control"]
    assert visitor.get(re.sub("/static/[^/]+", "/static/old", sheet)).headers["cache-control"] == "no-store"
    assert visitor.get("/static/x/../../../pyproject.toml").status == 404


def test_every_page_carries_the_policy(visitor: Visitor) -> None:
    assert "script-src 'self'" in visitor.get("/sign-in").headers["content-security-policy"]


def test_english_browser_reads_english(visitor: Visitor) -> None:
    assert "Sign in" in visitor.get("/sign-in", **{"accept-language": "en-GB"}).text
    assert "Anmelden" in visitor.get("/sign-in", **{"accept-language": "en-GB", "cookie": "miz_language=de"}).text
