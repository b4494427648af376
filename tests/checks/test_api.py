"""The routes of the check and the pick list, over real HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.knowledge.compiler import BUILT_IN, compile_edition
from miz.wire.client_protocol import Case, CheckAnswer
from tests.support.practice import client_of, served


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not BUILT_IN.is_file():
        compile_edition(BUILT_IN)
    folder: Path = tmp_path_factory.mktemp("practice")
    with served(folder) as server:
        yield server.url


@pytest.fixture(scope="module")
def dentist(url: str) -> ApiClient:
    return client_of(url)


def rules(answer: CheckAnswer) -> set[str]:
    return {finding.rule for finding in answer.findings}


def test_a_case_is_checked(dentist: ApiClient) -> None:
    answer = dentist.check(Case(id="7", medication=["Falithrom"], planned=["Ibuprofen 600", "Extraktion 36"]))
    assert answer.id == "7"
    assert {"I001", "I189", "BLEED"} <= rules(answer)
    assert answer.edition.id == "2026.1"


def test_a_recorded_patient_is_evaluated_with_what_counts_now(dentist: ApiClient) -> None:
    patient = dentist.create_patient(family_name="Muster", given_name="Erika", birth_date="1948-03-12", sex="female")
    token = dentist.open_patient(patient.id).fencing_token
    dentist.add("medication", patient.id, token, text="die rote", drug_id="falithrom")
    dentist.add("medication", patient.id, token, text="Ramipril 5", status="stopped")
    dentist.add("conditions", patient.id, token, answer="yes", text="Z. n. Endokarditis")
    dentist.add("allergies", patient.id, token, text="Penicillin, Quaddeln sofort")
    answer = dentist.evaluate(patient.id, ["Ibuprofen 600", "Extraktion 36", "Amoxi 1000"])
    assert {"I001", "I189", "IE_PAST", "penicillin"} <= rules(answer)
    assert "I011" not in rules(answer)
    assert dentist.evaluate(patient.id).resolved[0].text == "die rote"
    assert "I001" not in rules(dentist.evaluate(patient.id))
    dentist.change_patient(patient.id, token, planned=["Ibuprofen 600"])
    assert "I001" in rules(dentist.evaluate(patient.id))
    dentist.release_patient(patient.id)
    assert "I001" in rules(dentist.evaluate(patient.id)), "evaluating needs no lease"


def test_the_pick_list_is_one_list(dentist: ApiClient) -> None:
    assert [item.id for item in dentist.drugs("falitr", 1)] == ["falithrom"]
    assert dentist.drugs("metohexal")[0].id == "metoprolol"
    assert len(dentist.drugs("a", 5)) == 5
    assert dentist.drugs("") == []
    assert dentist.drugs("Ö😀%&?/")[0].name.startswith("o")


def test_answers_speak_the_caller_s_language(url: str) -> None:
    german = client_of(url)
    german._language = "de"
    assert german.check(Case(planned=["Quatsch"])).findings[0].title == "Nicht erkannt: Quatsch"
    assert [german.drugs("phenpro", 1)[0].name, client_of(url).drugs("phenpro", 1)[0].name] == ["Phenprocoumon", "phenprocoumon"]
    assert client_of(url).check(Case(planned=["Quatsch"])).findings[0].title == "Not recognised: Quatsch"


@pytest.mark.parametrize(
    "body",
    [
        {"planned": "Ibuprofen"},
        {"patient": {"age": "alt"}},
        {"planned": ["Ibuprofen"] * 201},
        {"planned": ["x" * 2_001]},
        {"patient": {"allergies": [7]}},
    ],
)
def test_what_is_no_case_is_refused(dentist: ApiClient, body: object) -> None:
    with pytest.raises(RefusedError) as caught:
        dentist.call("POST", "/check", body)
    assert (caught.value.status, caught.value.code) == (422, "invalid-input")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "viele"])
def test_an_impossible_limit_is_refused(dentist: ApiClient, limit: str) -> None:
    with pytest.raises(RefusedError) as caught:
        dentist.call("GET", f"/drugs?q=ibu&limit={limit}")
    assert (caught.value.status, caught.value.problem["field"]) == (422, "limit")


def test_who_may_not_read_records_may_not_evaluate_them(url: str, dentist: ApiClient) -> None:
    patient = dentist.create_patient(family_name="Muster", given_name="Emil", birth_date="1950")
    for user in ("Fr. Empfang", "Hr. Verwaltung", "Hr. Technik", "Fr. Datenschutz"):
        client = ApiClient(HttpSender(url))
        client.sign_in(user, "ein Kennwort für Tests 2026")
        with pytest.raises(RefusedError) as caught:
            client.evaluate(patient.id, ["Ibuprofen"])
        assert caught.value.status == 403, user


def test_without_a_session_nothing_is_answered(url: str) -> None:
    stranger = ApiClient(HttpSender(url))
    for ask in (lambda: stranger.check(Case()), lambda: stranger.drugs("ibu"), lambda: stranger.evaluate("p1", [])):
        with pytest.raises(RefusedError) as caught:
            ask()
        assert caught.value.status == 401


def test_an_unknown_patient_is_not_found(dentist: ApiClient) -> None:
    with pytest.raises(RefusedError) as caught:
        dentist.evaluate("nobody", [])
    assert caught.value.code == "patient-not-found"
