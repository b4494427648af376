"""The list of a release's parts is whole and always the same, and who could not be asked about holes is never taken for sound."""

import json
import re

from tools.release import RUNTIME, front_end_parts, list_of_parts, read_npm_audit, read_pip_audit


def test_the_list_names_every_part_that_ships_and_none_that_does_not() -> None:
    parts = {part["name"] for part in json.loads(list_of_parts("1.2.3"))["components"]}
    locked = re.findall(r"^([a-z0-9._-]+)==", RUNTIME.read_text(encoding="utf-8"), re.MULTILINE | re.IGNORECASE)
    assert len(locked) > 20
    assert parts == {*locked, *(part["name"] for part in front_end_parts())}
    assert {"htmx.org", "@tabler/icons", "uplot"} < parts
    assert parts.isdisjoint({"axe-core", "pytest", "schemathesis"})


def test_each_part_has_its_version_and_its_address_in_the_world_of_packages() -> None:
    for part in json.loads(list_of_parts("1.2.3"))["components"]:
        assert part["version"], part["name"]
        assert re.match(r"pkg:(pypi|npm)/", part["purl"]), part["name"]


def test_the_same_locks_give_the_same_bytes_and_name_no_registry() -> None:
    first = list_of_parts("1.2.3")
    assert first == list_of_parts("1.2.3")
    assert "index-url" not in first
    assert "timestamp" not in first
    assert json.loads(first)["metadata"]["component"]["version"] == "1.2.3"


def test_a_known_hole_is_named() -> None:
    said = {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]}, {"name": "b", "version": "2", "vulns": []}]}
    assert read_pip_audit(json.dumps(said)).holes == ("a 1: PYSEC-1",)
    assert read_npm_audit(json.dumps({"vulnerabilities": {"a": {"severity": "high"}}}), 4).holes == ("a: high",)


def test_what_could_not_be_asked_about_is_not_sound() -> None:
    skipped = read_pip_audit(json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]}))
    assert "COULD NOT ASK" in skipped.line
    for said in ("", "connection refused", "[]", '{"dependencies": []}'):
        assert "COULD NOT ASK" in read_pip_audit(said).line
        assert "COULD NOT ASK" in read_npm_audit(said, 4).line
    refused = read_npm_audit(json.dumps({"message": "405 Method Not Allowed"}), 4)
    assert refused.line.endswith("405 Method Not Allowed")


def test_an_answer_about_every_part_is_told_as_one() -> None:
    asked = read_pip_audit(json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}))
    assert asked.line == "1 parts asked about, 0 known holes"
