"""The practice's own drugs: in its order, as it writes them; empty means the preset list."""

from collections.abc import Iterator

import pytest

from miz.infra.api_client import ApiClient, HttpSender
from tests.practice.people import Surgery, refused, verdict
from tests.support.practice import PASSWORD


@pytest.fixture(autouse=True)
def _preset_again(surgery: Surgery) -> Iterator[None]:
    yield
    surgery.dentist.set_own_drugs([])


def test_the_list_is_the_preset_one_until_the_practice_makes_its_own(surgery: Surgery) -> None:
    preset = surgery.dentist.own_drugs()
    assert preset == surgery.server.server.advisor.usual_drugs(language="de")
    own = ["Ultracain D-S", "Ibuprofen 600", "Amoxicillin 1000"]
    assert surgery.dentist.set_own_drugs(own) == own
    assert surgery.assistant.own_drugs() == own
    assert surgery.dentist.set_own_drugs(list(reversed(own))) == list(reversed(own))
    assert surgery.dentist.set_own_drugs([]) == preset


def test_blanks_and_repetitions_are_left_out(surgery: Surgery) -> None:
    assert surgery.dentist.set_own_drugs(["  Ibuprofen 600 ", "", "Ibuprofen 600", " "]) == ["Ibuprofen 600"]


@pytest.mark.parametrize("items", [["x" * 201], [f"Mittel {number}" for number in range(61)], ["a\x07b"]])
def test_an_impossible_list_is_refused_whole(surgery: Surgery, items: list[str]) -> None:
    surgery.dentist.set_own_drugs(["Ibuprofen 600"])
    refusal = refused(surgery.dentist.set_own_drugs, items)
    assert (refusal.status, refusal.problem.get("field")) == (422, "items")
    assert surgery.dentist.own_drugs() == ["Ibuprofen 600"]


def test_dentists_and_owners_change_it_and_everybody_who_evaluates_reads_it(surgery: Surgery) -> None:
    for client in (surgery.assistant, surgery.reception):
        assert client.own_drugs()
        assert verdict(client.set_own_drugs, []) == (403, "not-permitted")
    auditor = ApiClient(HttpSender(surgery.server.url))
    auditor.sign_in("Fr. Datenschutz", PASSWORD)
    assert verdict(auditor.own_drugs) == (403, "not-permitted")


def test_the_list_survives_a_restart(surgery: Surgery) -> None:
    surgery.dentist.set_own_drugs(["Clindamycin 300", "Ibuprofen 600"])
    surgery.server.stop()
    surgery.server.start()
    surgery.reconnect()
    assert surgery.dentist.own_drugs() == ["Clindamycin 300", "Ibuprofen 600"]
