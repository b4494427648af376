"""Promise D5: what is typed stays what was typed. Every payload in every text field of every writing route, and back on every page.

The fields come from the structures that the running server decodes, and from the forms on the pages it serves.
"""

import asyncio
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from msgspec import inspect
from rich.console import Console
from rich.table import Table

from miz.infra.command_line import out
from miz.infra.http import Endpoint
from miz.practice.patients.model import ENTRY_TYPES
from miz.ui import render
from miz.wire.client_protocol import Trace
from tests.security.payloads import REFUSED, STORED, Reading
from tests.security.people import Site, bearer, user_name
from tests.security.scenes import BODIES, ENTRIES, Scene, Stage
from tests.security.wire import Answer, Wire
from tests.support.practice import served

IS_LONG = "MIZ_TEST_ATTACKS" in os.environ
# Secrets are compared and never shown; a date is a date.
NOT_FREE_TEXT = {"password", "old_password", "code", "pin", "birth_date", "since", "until", "year", "measured_on"}
ENDS_THE_SESSION = ("/session", "/sign", "/lock", "/account", "/server", "/mode", "/audit/anchor", "/certificate", "/leases")


def text_fields(shape: Any) -> Iterator[tuple[str, str]]:
    """Names of the fields that take a text, and how: `text`, `list` of texts or `map` from text to text."""
    for part in inspect.type_info(shape).fields:  # type: ignore[attr-defined]
        kinds = part.type.types if isinstance(part.type, inspect.UnionType) else (part.type,)
        for kind in kinds:
            if isinstance(kind, inspect.StrType):
                yield part.encode_name, "text"
            elif isinstance(kind, inspect.ListType) and isinstance(kind.item_type, inspect.StrType):
                yield part.encode_name, "list"
            elif isinstance(kind, inspect.DictType) and isinstance(kind.value_type, inspect.StrType):
                yield part.encode_name, "map"


def shape_of(endpoint: Endpoint) -> Any:
    """What the endpoint decodes; entries are decoded by the record itself."""
    kind = next((kind for kind in ENTRY_TYPES if endpoint.path.endswith((f"/{kind}", f"/{kind}/{{entry}}"))), None)
    return endpoint.body or (ENTRY_TYPES[kind] if kind and endpoint.method in ("POST", "PATCH") else None)


def fields_of(endpoint: Endpoint) -> list[tuple[str, str]]:
    shape = shape_of(endpoint)
    own = set(Trace.__struct_fields__) if shape in ENTRY_TYPES.values() else set()
    return [(name, kind) for name, kind in text_fields(shape) if name not in own] if shape else []


def filled(kind: str, payload: str) -> Any:
    return {"text": payload, "list": [payload], "map": {"text": payload}}[kind]


@dataclass
class Tally:
    """What was asked, what was stored, and what went wrong."""

    asked: int = 0
    stored: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


async def _through_routes(site: Site, wire: Wire, payloads: Mapping[str, str]) -> Tally:
    """Every payload in every text field of every JSON route; what is answered must be the text."""
    tally, stage = Tally(), Stage(site, wire)
    for endpoint in site.server.server.endpoints():
        if endpoint.is_page or any(part in endpoint.path for part in ENDS_THE_SESSION):
            continue
        for name, kind in fields_of(endpoint):
            kind_of_object = "patient" if "/patients/{id}" in endpoint.path else "user" if "/users/{" in endpoint.path else "-"
            scene = await stage.scene("owner", kind_of_object, "own", endpoint)
            for label, payload in payloads.items():
                await _try(tally, wire, endpoint, scene, name, kind, label, payload)
                site.forget_tries()
    return tally


async def _try(tally: Tally, wire: Wire, endpoint: Endpoint, scene: Scene, name: str, kind: str, label: str, payload: str) -> None:
    body = scene._filled(BODIES.get(f"{endpoint.method} {endpoint.path}", {})) | {name: filled(kind, payload)}
    headers = {**scene.headers, "miz-application": scene.window, "miz-fencing-token": scene.token}
    answer = await wire.ask(endpoint.method, scene.target(endpoint), headers, msgspec.json.encode(body))
    place = f"{endpoint.method} {endpoint.path} {name}: {label}"
    tally.asked += 1
    if answer.status >= 500 or answer.status == 0:
        tally.faults.append(f"{place}: {answer.status}")
    elif answer.status in (200, 201):
        told = answer.json.get(name) if isinstance(answer.json, dict) else None
        if told is not None and name not in NOT_FREE_TEXT and told != filled(kind, payload):
            tally.faults.append(f"{place}: comes back as {told!r}"[:200])
        # A check answers to the id it was given and keeps nothing.
        if told is not None and endpoint.path != "/api/v1/check":
            tally.stored[label] += 1


async def _as_page(site: Site) -> dict[str, str]:
    return site.as_page(site.session_of(user_name("owner")))


@dataclass
class Haunted:
    """A practice in which every payload stands in every place that shows it, and the patients that carry them."""

    patients: dict[str, str] = field(default_factory=dict)
    token: str = ""


async def haunt(site: Site, wire: Wire) -> Haunted:
    """Type every payload into one record of its own, and into what else has a name."""
    made, local = Haunted(token=site.session_of(user_name("owner"))), bearer(site.server.server.local_token)
    own = bearer(made.token)
    window = (await wire.ask("POST", "/api/v1/applications", own, b"{}")).json["id"]

    async def say(method: str, path: str, body: Any, headers: Mapping[str, str] = local) -> Answer:
        return await wire.ask(method, path, headers, msgspec.json.encode(body))

    for label, text in STORED.items():
        short = text[:40].strip()
        patient = await say(
            "POST", "/api/v1/patients", {"family_name": text, "given_name": text, "birth_date": "1950", "number": short}, own
        )
        assert patient.status == 201, (label, patient.content)
        patient_id = made.patients[label] = patient.json["id"]
        opening = await wire.ask("POST", f"/api/v1/patients/{patient_id}/opening", {**own, "miz-application": window})
        headers = {**own, "miz-application": window, "miz-fencing-token": opening.json["fencing_token"]}
        for kind, entry in ENTRIES.items():
            names = (
                {name for name, shape in fields_of_kind(kind) if shape == "text"}
                - NOT_FREE_TEXT
                - {"drug_id", "allergy_id", "condition_id", "kind"}
            )
            given = entry | {name: short if name in ("strength", "form", "unit") else text for name in names}
            added = await say("POST", f"/api/v1/patients/{patient_id}/{kind}", given, headers)
            assert added.status == 201, (label, kind, added.content)
            for name in names:
                assert added.json[name] == given[name], (label, kind, name)
        await say("PATCH", f"/api/v1/patients/{patient_id}", {"planned": [text], "prefix": text[:100]}, headers)
        await say("PUT", f"/api/v1/patients/{patient_id}/drafts/add-note", {"fields": {"text": text}}, headers)
        await say("POST", "/api/v1/users", {"name": text, "roles": ["assistant"]})
        await say("POST", "/api/v1/rooms", {"name": text[:60]})
        await say("POST", "/api/v1/workplaces", {"name": text[:60]})
        await say("POST", "/api/v1/messages", {"text": text})
        takeover = await say("POST", f"/api/v1/patients/{patient_id}/opening/end", {"reason": text})
        assert takeover.status == 204, (label, takeover.content)
    await say("PUT", "/api/v1/own-drugs", {"items": list(STORED.values())}, own)
    return made


def fields_of_kind(kind: Any) -> list[tuple[str, str]]:
    return [(name, shape) for name, shape in text_fields(ENTRY_TYPES[kind]) if name not in Trace.__struct_fields__]


TABS = ("", "/anamnesis", "/allergies", "/history", "/identity", "/merge", "/move")
CONSOLE = ("", "/applications", "/leases", "/mode", "/users", "/places", "/trail", "/settings", "/certificate")


def pages_of(made: Haunted) -> list[str]:
    """Every page that shows what people have typed."""
    patients = [f"/patients/{patient_id}{tab}" for patient_id in made.patients.values() for tab in TABS]
    return ["/", "/reviews", "/own-drugs", "/account", "/sign-in", *patients, *(f"/console{screen}" for screen in CONSOLE)]


async def _read_all(wire: Wire, made: Haunted, headers: Mapping[str, str]) -> tuple[list[str], dict[str, Reading], int]:
    """What is wrong with the pages, and the first page of each payload's patient."""
    faults, readings = [], {}
    pages = pages_of(made)
    for page in pages:
        answer = await wire.ask("GET", page, headers)
        if answer.status not in (200, 303):
            faults.append(f"{page}: {answer.status}")
        reading = Reading(answer.text)
        faults += [f"{page}: {fault}" for fault in reading.faults]
        readings[page] = reading
    for text in STORED.values():
        for path, fields in (("/patients/search", {"q": text}), ("/console/trail", {"q": text}), ("/console/users", {"name": text})):
            answer = await wire.form(path, fields, headers)
            faults += [f"POST {path} {text[:30]}: {fault}" for fault in Reading(answer.text).faults]
            faults += [f"POST {path} {text[:30]}: {answer.status}"] if answer.status >= 500 else []
    return faults, readings, len(pages) + 3 * len(STORED)


def test_every_text_field_of_every_route_keeps_what_is_typed(site: Site) -> None:
    async def attack() -> tuple[Tally, int]:
        async with Wire(site.server.url) as wire:
            return await _through_routes(site, wire, STORED if IS_LONG else dict(list(STORED.items())[::3])), wire.asked

    tally, asked = asyncio.run(attack())
    assert tally.faults == []
    fields = sum(len(fields_of(endpoint)) for endpoint in site.server.server.endpoints() if not endpoint.is_page)
    print(f"payloads: {len(STORED)}, fields: {fields}, requests: {asked}, stored: {sum(tally.stored.values())}")  # noqa: T201
    assert len(tally.stored) > 5


def test_no_route_takes_what_nobody_types(site: Site) -> None:
    async def attack() -> Tally:
        async with Wire(site.server.url) as wire:
            return await _through_routes(site, wire, REFUSED)

    tally = asyncio.run(attack())
    assert tally.faults == []
    assert tally.stored == Counter()


def test_half_a_letter_is_no_text(site: Site) -> None:
    async def attack() -> list[tuple[int, str]]:
        async with Wire(site.server.url) as wire:
            bodies = (
                rb'{"q":"\ud800"}',
                rb'{"q":"\udc00\ud800"}',
                b'{"q":"\xed\xa0\x80"}',
                b'{"q":"\xff"}',
                rb'{"q":"\u0000"}',
                b'{"q":"\x00"}',
            )
            token = site.session_of(user_name("dentist"))
            answers = [await wire.ask("POST", "/api/v1/patients/search", bearer(token), body) for body in bodies]
            forms = [
                await wire.ask(
                    "POST", "/patients/search", {**site.as_page(token), "content-type": "application/x-www-form-urlencoded"}, body
                )
                for body in (b"q=%00", b"q=%ed%a0%80", b"q=%ff", b"q=\xff")
            ]
            return [(answer.status, answer.code) for answer in (*answers, *forms)]

    verdicts = asyncio.run(attack())
    assert [status for status, _ in verdicts[:6]] == [400] * 6
    assert all(status < 500 for status, _ in verdicts)


def test_pages_show_every_payload_as_text_and_as_nothing_else(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async def attack() -> tuple[list[str], dict[str, Reading], int, Haunted, Answer]:
        async with Wire(site.server.url) as wire:
            made = await haunt(site, wire)
            headers = site.as_page(made.token)
            faults, readings, count = await _read_all(wire, made, headers)
            return faults, readings, count, made, await wire.form("/console/trail/export", {}, headers)

    with caplog.at_level(logging.INFO):
        faults, readings, count, made, export = asyncio.run(attack())
    assert faults == []
    for label, patient_id in made.patients.items():
        assert readings[f"/patients/{patient_id}"].shows(STORED[label]), label
        assert readings["/console/users"].shows(STORED[label]), label
    lines = [msgspec.json.decode(line) for line in export.content.splitlines()]
    assert len(lines) > len(STORED)
    assert not any("\n" in record.getMessage() for record in caplog.records)
    assert not any(text in caplog.text for text in STORED.values())
    print(f"pages read: {count}")  # noqa: T201


class _Forms(HTMLParser):
    """The forms of a page: address, what stands in it already, and the fields that take a text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str], list[str]]] = []
        self._is_open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_open = given.get("method", "").lower() == "post"
            if self._is_open:
                self.forms.append((given.get("action") or given.get("hx-post", ""), {}, []))
        elif self._is_open and (name := given.get("name")) and tag in ("input", "textarea", "select"):
            self.forms[-1][1][name] = given.get("value", "")
            if tag == "textarea" or (tag == "input" and given.get("type", "text") in ("text", "search", "tel", "email", "url")):
                self.forms[-1][2].append(name)

    def handle_endtag(self, tag: str) -> None:
        self._is_open &= tag != "form"


@pytest.fixture
def small_site(tmp_path: Path) -> Iterator[Site]:
    """A practice of few people and patients, whose pages are short."""
    with served(tmp_path) as server:
        made = Site(server)
        made.open()
        yield made


def test_every_text_field_of_every_form_keeps_what_is_typed(small_site: Site) -> None:
    site = small_site

    async def attack() -> tuple[list[str], int, int]:
        faults, fields, asked = [], set(), 0
        async with Wire(site.server.url) as wire:
            stage = Stage(site, wire)
            endpoint = next(e for e in site.server.server.endpoints() if e.path == "/patients/{id}" and e.is_page)
            scene = await stage.scene("owner", "patient", "own", endpoint)
            headers = {**scene.headers, "miz-application": scene.window}
            patients = [f"/patients/{scene.values['id']}{tab}" for tab in TABS]
            for page in ["/", "/patients/new", "/own-drugs", *patients, *(f"/console{screen}" for screen in CONSOLE)]:
                for action, values, texts in _Forms((await wire.ask("GET", page, headers)).text).forms:
                    for nth, name in enumerate(texts):
                        fields.add((action, name))
                        for label, text in list((STORED | REFUSED).items())[0 if IS_LONG else nth % 8 :: 1 if IS_LONG else 8]:
                            known = {"application": scene.window, "fencing_token": scene.token, "idempotency_key": f"{asked}"}
                            answer = await wire.form(action, values | known | {name: text}, headers)
                            asked += 1
                            faults += [f"{action} {name}: {label}: {fault}" for fault in Reading(answer.text).faults]
                            faults += [f"{action} {name}: {label}: {answer.status}"] if answer.status >= 500 or not answer.status else []
        return faults, len(fields), asked

    faults, fields, asked = asyncio.run(attack())
    assert faults == []
    print(f"form fields: {fields}, requests: {asked}")  # noqa: T201
    assert fields > 20


def test_addresses_and_headers_are_no_way_in_either(site: Site) -> None:
    async def attack() -> list[str]:
        faults = []
        async with Wire(site.server.url) as wire:
            headers = await _as_page(site)
            for text in (STORED | REFUSED).values():
                bare, named = (
                    quote(text[:500], safe=""),
                    text[:100].encode("ascii", "ignore").decode().translate({ord(c): " " for c in "\r\n\x00"}),
                )
                for path in (
                    f"/patients/{bare}",
                    f"/help/{bare}",
                    f"/problems/{bare}",
                    f"/console/users?done={bare}",
                    f"/sign-in?next={bare}",
                    f"/{bare}",
                ):
                    answer = await wire.ask("GET", path, headers)
                    faults += [f"{path[:60]}: {fault}" for fault in Reading(answer.text).faults]
                    faults += [f"{path[:60]}: {answer.status}"] if answer.status >= 500 else []
                answer = await wire.ask("GET", "/sign-in", {"accept-language": named, "referer": named, "user-agent": named})
                faults += [f"header {named[:40]}: {fault}" for fault in Reading(answer.text).faults]
        return faults

    assert asyncio.run(attack()) == []


@pytest.mark.parametrize("name", ["ß" * 200, "\ufdfa" * 200, "ﬃ" * 100, "-", "'", "- ' -", "\u0301", "\u00ad"])
def test_names_that_grow_or_vanish_when_they_are_compared_are_names(site: Site, name: str) -> None:
    async def attack() -> list[Answer]:
        async with Wire(site.server.url) as wire:
            own, local = bearer(site.session_of(user_name("owner"))), bearer(site.server.server.local_token)
            patient = msgspec.json.encode({"family_name": name, "given_name": name, "birth_date": "1950"})
            answers = [await wire.ask("POST", "/api/v1/patients", own, patient)]
            assert answers[0].json["family_name"] == name
            for path, body in (("/api/v1/users", {"name": name, "roles": ["assistant"]}), ("/api/v1/patients/search", {"q": name})):
                answers.append(await wire.ask("POST", path, {**own, **local} if "users" in path else own, msgspec.json.encode(body)))
            return answers

    statuses = [answer.status for answer in asyncio.run(attack())]
    assert statuses[0] == 201
    assert all(status < 500 for status in statuses)


def test_an_id_that_is_none_does_not_hold_up_the_audit_trail(site: Site) -> None:
    async def attack() -> list[Any]:
        async with Wire(site.server.url) as wire:
            own = bearer(site.session_of(user_name("owner")))
            long_id = "x" * 100
            await wire.ask("GET", f"/api/v1/patients/{long_id}/drafts", own)
            await wire.ask("POST", "/api/v1/audit/search", own, msgspec.json.encode({"patient_id": long_id}))
            found = await wire.ask("POST", "/api/v1/audit/search", own, b'{"action":"read"}')
            return [item["patient_id"] for item in found.json["items"]]

    assert "x" * 36 in asyncio.run(attack())


@pytest.mark.parametrize(
    "number", ["99999999999999999999999999", "-99999999999999999999999999", "9" * 400, "-1", "٣", "²", "1e308", "0x10", "NaN", ""]
)
def test_no_number_upsets_the_server(site: Site, number: str) -> None:
    async def attack() -> list[str]:
        async with Wire(site.server.url) as wire:
            token = site.session_of(user_name("owner"))
            gets = ("/api/v1/audit/chain?after=", "/api/v1/drugs?q=a&limit=", "/patients/x/history/", "/console/users?done=")
            answers = [await wire.ask("GET", path + quote(number), site.as_page(token)) for path in gets]
            bodies = (("/audit/search", "before"), ("/audit/search", "limit"), ("/patients/search", "limit"))
            for path, name in bodies:
                body = b'{"q":"x","%s":%s}' if "patients" in path else b'{"%s":%s}'
                answers.append(await wire.ask("POST", f"/api/v1{path}", bearer(token), body % (name.encode(), number.encode())))
            days = ({"before": number}, {"since": number}, {"since": "0001-01-01"}, {"until": "9999-12-31"}, {"since": f"{number}-01-01"})
            answers += [await wire.form("/console/trail", fields, site.as_page(token)) for fields in days]
            for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
                answers.append(await wire.ask("POST", "/api/v1/audit/search", bearer(token), b'{"since":"%s"}' % moment.encode()))
            answers.append(await wire.form("/console/mode/interval", {"seconds": number}, site.as_page(token)))
            return [f"{answer.status} {answer.content[:60]!r}" for answer in answers if answer.status >= 500]

    assert asyncio.run(attack()) == []


def test_the_command_line_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for text in STORED.values():
        table = Table("User", box=None)
        table.add_row(text)
        Console(file=sys.stdout, width=400, markup=out._markup, highlight=False).print(table)
        shown = capsys.readouterr().out
        assert text.split()[0] in shown
        assert "\x1b" not in shown


@pytest.fixture
def unescaped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Templates that take every text for HTML."""
    render.environment.cache_clear()
    monkeypatch.setattr(render.environment("de"), "autoescape", False)
    yield
    render.environment.cache_clear()


@pytest.mark.usefixtures("unescaped")
def test_without_escaping_the_payloads_are_found_on_the_pages(site: Site) -> None:
    async def attack() -> list[str]:
        async with Wire(site.server.url) as wire:
            answer = await wire.ask("GET", f"/patients/{site.patient(STORED['image'])}", await _as_page(site))
        return Reading(answer.text).faults

    assert "<img onerror>" in asyncio.run(attack())
