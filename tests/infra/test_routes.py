"""The tree of paths: which route answers, what its segments are, which methods a path knows."""

import pytest

from miz.infra.routes import Routes


@pytest.fixture
def routes() -> Routes[str]:
    tree = Routes[str]()
    for method, path in (
        ("GET", "/"), ("GET", "/patients/new"), ("GET", "/patients/{id}"), ("GET", "/patients/{id}/{part}"),
        ("POST", "/patients/{id}/history"), ("DELETE", "/patients/{id}/drafts/{draft}"), ("PUT", "/patients/{id}/drafts/{form}"),
        ("GET", "/static/{hash}/{name:path}"),
    ):  # fmt: skip
        tree.add(method, path, f"{method} {path}")
    return tree


@pytest.mark.parametrize(
    ("method", "path", "answers", "taken"),
    [
        ("GET", "/", "GET /", {}),
        ("GET", "/patients/new", "GET /patients/new", {}),
        ("GET", "/patients/7", "GET /patients/{id}", {"id": "7"}),
        # What is written goes before what is taken, but only where it leads somewhere and knows the method.
        ("GET", "/patients/new/history", "GET /patients/{id}/{part}", {"id": "new", "part": "history"}),
        ("GET", "/patients/7/history", "GET /patients/{id}/{part}", {"id": "7", "part": "history"}),
        ("POST", "/patients/7/history", "POST /patients/{id}/history", {"id": "7"}),
        ("PUT", "/patients/7/drafts/a", "PUT /patients/{id}/drafts/{form}", {"id": "7", "form": "a"}),
        ("GET", "/static/12/vendor/a.js", "GET /static/{hash}/{name:path}", {"hash": "12", "name": "vendor/a.js"}),
        ("GET", "/static/12/../a", "GET /static/{hash}/{name:path}", {"hash": "12", "name": "../a"}),
    ],
)
def test_a_path_leads_to_its_route(routes: Routes[str], method: str, path: str, answers: str, taken: dict[str, str]) -> None:
    assert routes.find(method, path) == (answers, taken)


@pytest.mark.parametrize(
    "path", ["", "x", "//", "/patients", "/patients/", "/patients//history", "/patients/7/8/9", "/PATIENTS/7", "/static/12"]
)
def test_other_paths_lead_nowhere(routes: Routes[str], path: str) -> None:
    assert routes.find("GET", path) is None
    assert routes.methods_at(path) == set()


def test_the_methods_of_a_path(routes: Routes[str]) -> None:
    assert routes.methods_at("/patients/7/drafts/a") == {"PUT", "DELETE"}
    assert routes.methods_at("/patients/7/history") == {"GET", "POST"}


def test_a_place_is_taken_once(routes: Routes[str]) -> None:
    with pytest.raises(ValueError, match="twice"):
        routes.add("GET", "/patients/{number}", "another")
