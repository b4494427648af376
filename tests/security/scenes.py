"""What a request is aimed at: one's own, another window's, another person's, what is gone, what is only guessed."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
from sqlalchemy import select

from miz.infra.http import Endpoint
from miz.practice.tables import change
from miz.wire.client_protocol import ENTRY_KINDS
from tests.security.people import OWN_PAGE, Site, bearer, user_name
from tests.security.wire import Answer, Wire
from tests.support.displays import paired
from tests.support.practice import PASSWORD

FIRST_LEASE = "1.1"
"""The token of whoever opens a new patient first."""
OBJECTS = ("own", "other", "locked", "gone", "guessed")
CANARY = "Kanarienvogelin"
PIN = "280519"
ENTRIES: dict[str, dict[str, Any]] = {
    "medication": {"text": f"{CANARY} 5"},
    "allergies": {"text": "Latex"},
    "conditions": {"text": f"{CANARY} chronisch", "answer": "yes"},
    "observations": {"kind": "inr", "value": 2.5, "measured_on": "2026-11-01"},
    "notes": {"text": f"{CANARY} ruft an"},
}
NEW_PERSON = {"family_name": "Neu", "given_name": "Ada", "birth_date": "1960-02-03"}
NEW_PASSWORD = "noch ein Kennwort für Tests"

# What a right request brings along, by route; `$name` is taken from the scene. Routes that need nothing are not here.
BODIES: dict[str, Any] = {
    "POST /api/v1/patients/{id}/opening/takeover": {"reason": "agreed"},
    "POST /api/v1/patients/{id}/opening/end": {"reason": "agreed"},
    "PUT /api/v1/patients/{id}/erasure": {"reason": "patient_request"},
    "POST /api/v1/patients/{id}/erasure/confirmation": {"name": "Wer auch immer"},
    "POST /console/erasure": {"q": "probe"},
    "POST /console/erasure/request": {"patient": "$id", "reason": "other"},
    "POST /api/v1/patients/{id}/move": {"to": "$another", "entries": [{"kind": "notes", "id": "$notes"}]},
    "POST /api/v1/patients/{id}/merge": {"other": "$another"},
    "PUT /api/v1/patients/{id}/drafts/{form}": {"fields": {"text": "halb getippt"}},
    "PUT /api/v1/own-drugs": {"items": ["Amoxicillin 500"]},
    "POST /api/v1/messages": {"text": "Bitte abmelden"},
    "POST /api/v1/applications/{id}/messages": {"text": "Bitte abmelden"},
    "POST /api/v1/account/second-factor": {"password": PASSWORD},
    "POST /account/second-factor": {"password": PASSWORD},
    **{
        f"POST {path}": {"code": "123456", "removal_code": "123456", "password": PASSWORD, "removal_password": PASSWORD}
        for path in ("/account/second-factor/activation", "/account/second-factor/recovery-codes", "/account/second-factor/removal")
    },
    "POST /api/v1/patients/search": {"q": "probe"},
    "POST /api/v1/patients": NEW_PERSON,
    "PATCH /api/v1/patients/{id}": {"given_name": "Ada"},
    "POST /api/v1/patients/{id}/confirmations": {"group_id": "bones"},
    "POST /api/v1/patients/{id}/decisions": {"findings_key": "k", "drug": "Amoxicillin", "rules": [], "reason": "getestet", "edition": "e"},
    "PATCH /api/v1/patients/{id}/medication/{entry}": {"note": "abends"},
    "PATCH /api/v1/patients/{id}/allergies/{entry}": {"reaction": "Quaddeln"},
    "PATCH /api/v1/patients/{id}/conditions/{entry}": {"detail": "seit langem"},
    "PATCH /api/v1/patients/{id}/observations/{entry}": {"value": 2.6},
    "PATCH /api/v1/patients/{id}/notes/{entry}": {"text": "kommt vorbei"},
    **{f"POST /api/v1/patients/{{id}}/{kind}": fields for kind, fields in ENTRIES.items()},
    "POST /api/v1/session": {"user": "$user", "password": PASSWORD},
    "POST /api/v1/users": {"name": "$new_name", "roles": ["assistant"]},
    "PUT /api/v1/users/{name}/roles": {"roles": ["assistant"]},
    "POST /api/v1/first-password": {"user": "$user", "code": "nie ausgestellt", "password": NEW_PASSWORD},
    "PUT /api/v1/account/password": {"old_password": PASSWORD, "password": NEW_PASSWORD},
    "PUT /api/v1/account/pin": {"password": PASSWORD, "pin": PIN},
    "POST /api/v1/workplaces": {"name": "$new_name"},
    "PATCH /api/v1/workplaces/{workplace}": {"room": None},
    "POST /api/v1/rooms": {"name": "$new_name"},
    "PATCH /api/v1/rooms/{room}": {"name": "$new_name"},
    "POST /api/v1/devices": {"kind": "display", "place": "Zimmer 1", "name": "$new_name"},
    "PUT /api/v1/server/mode": {"mode": "operating"},
    "PUT /api/v1/server/control-interval": {"seconds": 30},
    "PUT /api/v1/server/start-mode": {"starts_in_operating": True},
    "POST /api/v1/check": {"planned": ["Ibuprofen 600"]},
    "POST /api/v1/patients/{id}/evaluation": {"planned": ["Ibuprofen 600"]},
    "POST /patients/search": {"q": "probe"},
    "POST /patients": NEW_PERSON,
    "POST /own-drugs": {"text": "Amoxicillin 500"},
    "POST /patients/{id}/planned": {"text": "Extraktion 36"},
    "POST /patients/{id}/planned/remove": {"text": "Extraktion 36"},
    "POST /patients/{id}/state": {},
    "POST /patients/{id}/check-drug": {"text": "Ibuprofen 600"},
    "POST /patients/{id}/letter": {"question": "Welcher INR?"},
    "POST /patients/{id}/answers": {"question": "HTN", "answer": "no"},
    "POST /patients/{id}/confirmations": {"group": "bones"},
    "POST /patients/{id}/takeover": {"reason": "agreed"},
    "POST /patients/{id}/identity": NEW_PERSON,
    "POST /patients/{id}/move": {"to": "$another", "entry-notes-$notes": "on", "is_confirmed": "1"},
    "POST /patients/{id}/merge": {"to": "$another"},
    "POST /patients/{id}/{kind}": {"text": "Ramipril 5"},
    "POST /patients/{id}/{kind}/{entry}": {"note": "abends"},
    "POST /sign-in": {"user": "$user", "password": PASSWORD},
    "POST /locked": {"password": PASSWORD},
    "POST /account/password": {"old_password": PASSWORD, "password": NEW_PASSWORD, "repeated": NEW_PASSWORD},
    "POST /account/pin": {"pin_password": PASSWORD, "pin": PIN},
    "POST /first-password": {"user": "$user", "code": "nie ausgestellt", "password": NEW_PASSWORD, "repeated": NEW_PASSWORD},
    "POST /change-user": {"user": "$user", "pin": PIN},
    "POST /pair": {"code": "KKKK-KKKK"},
    "POST /console/applications/message": {"text": "Bitte abmelden"},
    "POST /console/applications/{id}/disconnect": {"seconds": "60"},
    "POST /console/applications/devices": {"place": "display:Zimmer 1", "device_name": "$new_name"},
    "POST /console/leases/{id}/end": {"reason": "agreed", "holder": "$holder"},
    "POST /console/mode": {"mode": "operating"},
    "POST /console/mode/interval": {"seconds": "30"},
    "POST /console/users": {"name": "$new_name", "role_assistant": "on"},
    "POST /console/users/{id}/roles": {"role_assistant": "on"},
    "POST /console/places/rooms": {"room_name": "$new_name"},
    "POST /console/places/rooms/{id}": {"name": "$new_name"},
    "POST /console/places/workplaces": {"workplace_name": "$new_name"},
    "POST /console/places/workplaces/{id}": {"name": "$new_name"},
    "POST /console/first-steps/key": {"recovery_key": "nie gedruckt"},
    "POST /console/first-steps/sheet": {"recovery_key": "nie gedruckt"},
}
# Which values of `{tab}` and `{kind}` stand for all: a page of its own each.
FIXED = {
    "tab": "allergies",
    "kind": "medication",
    "form": "add-note",
    "paper": "evaluation",
    "topic": "keys",
    "drug": "ibuprofen",
    "code": "not-found",
    "content_hash": "x",
    "name": "miz.css",
}


ENDS_SOMETHING = re.compile(r"/sessions?\b|/sign|/lock|/account|/users|/change-user|/applications/|/pair|/places|/workplaces|/rooms")


@dataclass
class Scene:
    """One person before one thing: the values that addresses, headers and bodies take."""

    headers: Mapping[str, str]
    is_page: bool
    values: dict[str, str] = field(default_factory=dict)
    window: str = ""
    token: str = ""

    def target(self, endpoint: Endpoint) -> str:
        """The address; an entry is one of the kind that the address names, a place by its id a room or a workplace."""
        kind = next((kind for kind in ENTRY_KINDS if f"/{kind}/" in endpoint.path), "medication")
        special = {"entry": self.values.get(kind, ""), "id": self.values.get("room" if "/rooms/" in endpoint.path else "workplace", "")}
        known = FIXED | self.values | {name: value for name, value in special.items() if value}
        return re.sub(r"{(\w+)(?::path)?}", lambda found: known.get(found[1], "x"), endpoint.path)

    async def ask(self, wire: Wire, endpoint: Endpoint, extra: Mapping[str, str] | None = None) -> Answer:
        """The request that the endpoint is made for."""
        given = self._filled(BODIES.get(f"{endpoint.method} {endpoint.path}", {}))
        headers = {**self.headers, **(extra or {})}
        if endpoint.is_page and endpoint.method == "POST":
            return await wire.form(self.target(endpoint), {"application": self.window, "fencing_token": self.token, **given}, headers)
        headers |= {"miz-application": self.window, "miz-fencing-token": self.token} if self.window else {}
        target = self.target(endpoint) + ("?topics=applications" if endpoint.path == "/api/v1/events" else "")
        return await wire.ask(endpoint.method, target, headers, b"" if endpoint.method == "GET" else msgspec.json.encode(given))

    def _filled(self, given: Any) -> Any:
        if isinstance(given, dict):
            return {self._filled(name): self._filled(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self._filled(value) for value in given]
        if isinstance(given, str):
            return re.sub(r"\$(\w+)", lambda found: self.values.get(found[1], "x"), given)
        return given


@dataclass
class Stage:
    """Makes scenes on one site. Everything it makes is used for one allowed request and left behind."""

    PEOPLE: ClassVar[tuple[str, ...]] = ("dentist", "assistant", "front_desk", "owner", "admin", "technician", "auditor", "local")

    site: Site
    wire: Wire
    _known: dict[tuple[str, bool], tuple[Mapping[str, str], str]] = field(default_factory=dict)
    _windows: dict[tuple[str, str], str] = field(default_factory=dict)
    _others: dict[str, str] = field(default_factory=dict)

    async def scene(self, role: str, kind: str, obj: str, endpoint: Endpoint) -> Scene:
        """`role` before an object of a kind. Each person gets a session and a window of their own."""
        self.site.number += 1
        headers, session, user = self._person(role, endpoint)
        scene = Scene(headers, endpoint.is_page, {"user": user, "new_name": f"Neu {self.site.number}"})
        if kind == "-":
            return scene
        made = getattr(self, f"_{kind}")
        await made(scene, obj, role, session, user, endpoint)
        return scene

    def _person(self, role: str, endpoint: Endpoint) -> tuple[Mapping[str, str], str, str]:
        """Headers, token and name. What ends sessions or changes users meets people of its own, so all others stay as they are."""
        if role == "local":
            token = self.site.server.server.local_token
            return {**bearer(token), **OWN_PAGE}, token, "local"
        name, is_fresh = user_name(role), bool(ENDS_SOMETHING.search(endpoint.path))
        if is_fresh:
            name = f"{role} {self.site.number}"
            self.site.add_user(name, [role])
        if is_fresh or (role, endpoint.is_page) not in self._known:
            token = self.site.session_of(name)
            made = (self.site.as_page(token) if endpoint.is_page else bearer(token)), token
            if is_fresh:
                return *made, name
            self._known[role, endpoint.is_page] = made
        return *self._known[role, endpoint.is_page], name

    # --- patients ------------------------------------------------------------------------------------------------------

    async def _patient(self, scene: Scene, obj: str, role: str, session: str, _user: str, endpoint: Endpoint) -> None:
        """own: open in this window; other: in another window of this user; locked: in another user's; gone: merged into another record."""
        scene.window, scene.token = await self._usual_window(session, "first"), FIRST_LEASE
        if obj == "guessed":
            scene.values |= {name: str(uuid.uuid4()) for name in ("id", "another", "other", *ENTRY_KINDS)}
            return
        patient_id = self.site.patient(f"Rollenprobe{self.site.number}", list(ENTRIES.items()))
        scene.values |= {"id": patient_id}
        if "merge" in endpoint.path or "move" in endpoint.path or obj == "other":
            scene.values["another"] = scene.values["other"] = self.site.patient(f"Andere{self.site.number}")
        self._look_up(scene)
        if obj == "gone":
            await self._merge_away(patient_id)
        elif obj == "own":
            scene.token = await self._open(patient_id, session, scene.window)
            if "{merge}" in endpoint.path:
                scene.values["merge"] = await self._merged(scene, session)
        elif obj == "other":
            # Opened twice, so that the number of this token is not that of the other window's.
            for opener in (await self._somebody("opener"), (session, scene.window)):
                scene.token = await self._open(scene.values["another"], *opener) or FIRST_LEASE
                if opener[0] != session:
                    headers = {**bearer(opener[0]), "miz-application": opener[1]}
                    await self.wire.ask("DELETE", f"/api/v1/patients/{scene.values['another']}/opening", headers)
            await self._open(patient_id, session, await self._usual_window(session, "second"))
        else:
            # The number of the token is right: it was guessed.
            assert await self._open(patient_id, *await self._somebody("holder")) == FIRST_LEASE
        if "{draft}" in endpoint.path:
            scene.values["draft"] = await self._left_behind(patient_id) if obj != "gone" else str(uuid.uuid4())
        await self._ask_for(endpoint, patient_id, obj)

    def _look_up(self, scene: Scene) -> None:
        """The ids of the patient's entries and of a line of the history."""
        of_patient = select(change.c.kind, change.c.entry_id, change.c.id).where(change.c.patient_id == scene.values["id"])
        for kind, entry_id, change_id in self.site.server.server.database.reader().execute(of_patient):
            scene.values[kind] = entry_id
            scene.values["change"] = str(change_id)

    async def _usual_window(self, session: str, name: str) -> str:
        """A window of the session that was announced before."""
        if (session, name) not in self._windows:
            self._windows[session, name] = await self._window(session)
        return self._windows[session, name]

    async def _window(self, session: str) -> str:
        answer = await self.wire.ask("POST", "/api/v1/applications", bearer(session), b"{}")
        return str(answer.json["id"]) if answer.status == 201 else ""

    async def _open(self, patient_id: str, session: str, window: str) -> str:
        answer = await self.wire.ask("POST", f"/api/v1/patients/{patient_id}/opening", {**bearer(session), "miz-application": window})
        return str(answer.json["fencing_token"]) if answer.status == 201 else ""

    async def _somebody(self, purpose: str) -> tuple[str, str]:
        """Session and window of somebody else; what is open there stays so until the next one asks for the same purpose."""
        if purpose not in self._others:
            self._others[purpose] = self.site.session_of("Dr. Prüfer", "Zimmer 2")
        return self._others[purpose], await self._usual_window(self._others[purpose], "first")

    async def _merge_away(self, patient_id: str) -> None:
        session, window = await self._somebody("merger")
        into = self.site.patient("Bleibt")
        headers = {**bearer(session), "miz-application": window, "miz-fencing-token": await self._open(into, session, window)}
        answer = await self.wire.ask("POST", f"/api/v1/patients/{into}/merge", headers, msgspec.json.encode({"other": patient_id}))
        assert answer.status == 200, answer.content

    async def _merged(self, scene: Scene, session: str) -> str:
        headers = {**bearer(session), "miz-application": scene.window, "miz-fencing-token": scene.token}
        address = f"/api/v1/patients/{scene.values['id']}/merge"
        answer = await self.wire.ask("POST", address, headers, msgspec.json.encode({"other": scene.values["another"]}))
        return str(answer.json["id"]) if answer.status == 200 else "x"

    async def _left_behind(self, patient_id: str) -> str:
        """A draft of a window that has had the patient open."""
        session, window = await self._somebody("drafter")
        await self.wire.ask(
            "POST", f"/api/v1/patients/{patient_id}/opening/takeover", {**bearer(session), "miz-application": window}, b"{}"
        )
        address = f"/api/v1/patients/{patient_id}/drafts/add-note"
        headers = {**bearer(session), "miz-application": window}
        await self.wire.ask("PUT", address, headers, b'{"fields":{"text":"halb"}}')
        await self.wire.ask("DELETE", f"/api/v1/patients/{patient_id}/opening", headers)
        found = (await self.wire.ask("GET", f"/api/v1/patients/{patient_id}/drafts", bearer(session))).json["items"]
        return str(found[0]["id"])

    async def _ask_for(self, endpoint: Endpoint, patient_id: str, obj: str) -> None:
        """Somebody else asks for what is open here."""
        if "later" in endpoint.path and obj == "own":
            somebody, window = await self._somebody("asker")
            await self.wire.ask("POST", f"/api/v1/patients/{patient_id}/opening/request", {**bearer(somebody), "miz-application": window})

    # --- windows, sessions, users, places, devices -------------------------------------------------------------------------

    async def _window_of(self, obj: str, session: str) -> str:
        if obj == "own":
            return await self._window(session)
        if obj == "guessed":
            return str(uuid.uuid4())
        if obj == "other":
            return await self._window(self.site.session_of(user_name("technician")))
        somebody = self.site.session_of("Dr. Prüfer", "Zimmer 2")
        window = await self._window(somebody)
        if obj == "gone":
            await self.wire.ask("DELETE", f"/api/v1/applications/{window}", bearer(somebody))
        else:
            await self._open(self.site.patient(), somebody, window)
        return window

    async def _application(self, scene: Scene, obj: str, _role: str, session: str, _user: str, _endpoint: Endpoint) -> None:
        """own; other: of another session; locked: of another user, with a patient; gone: closed."""
        scene.values["id"] = await self._window_of(obj, session)

    async def _lease(self, scene: Scene, obj: str, role: str, session: str, user: str, endpoint: Endpoint) -> None:
        await self._patient(scene, obj, role, session, user, endpoint)
        holder = self.site.server.server.openings.holder_of(scene.values["id"])
        scene.values["holder"] = holder.application_id if holder else ""

    async def _session(self, scene: Scene, obj: str, _role: str, session: str, user: str, _endpoint: Endpoint) -> None:
        """own; other: of the same user; locked: of somebody else; gone: ended."""
        wanted = {"own": session, "guessed": ""}.get(obj) or self.site.session_of(user if obj in ("other", "gone") else "Dr. Prüfer")
        found = await self.wire.ask("GET", "/api/v1/sessions", bearer(wanted))
        scene.values["session"] = str(uuid.uuid4())
        if obj != "guessed" and found.status == 200:
            scene.values["session"] = next(item["id"] for item in found.json["items"] if item["is_current"])
        if obj == "gone":
            await self.wire.ask("DELETE", "/api/v1/session", bearer(wanted))

    async def _user(self, scene: Scene, obj: str, _role: str, _session: str, user: str, _endpoint: Endpoint) -> None:
        """Own account; other: an assistant; locked: an owner; gone: switched off."""
        name = {"own": user, "guessed": f"Niemand {self.site.number}"}.get(obj) or f"Person {self.site.number}"
        if obj not in ("own", "guessed"):
            scene.values["id"] = self.site.add_user(name, ["owner" if obj == "locked" else "assistant"])
        if obj == "gone":
            await self._local("POST", f"/api/v1/users/{name.replace(' ', '%20')}/disable")
        if obj == "own":
            items = (await self._local("GET", "/api/v1/users")).json["items"]
            scene.values["id"] = next((item["id"] for item in items if item["name"] == name), str(uuid.uuid4()))
        scene.values.setdefault("id", str(uuid.uuid4()))
        scene.values["name"] = name.replace(" ", "%20")

    async def _place(self, scene: Scene, obj: str, _role: str, _session: str, user: str, endpoint: Endpoint) -> None:
        """own: where one sits; other: where nobody is; locked: where somebody else sits; gone: removed."""
        room, workplace = await self._new_place()
        if obj in ("own", "locked"):
            token = self.site.session_of(user if obj == "own" and user != "local" else user_name("technician"), workplace)
            if obj == "own" and user != "local":
                scene.headers = self.site.as_page(token) if endpoint.is_page else bearer(token)
        elif obj != "guessed":
            await self._local(
                "DELETE", f"/api/v1/workplaces/{workplace}" if "room" in endpoint.path or obj == "gone" else "/api/v1/nowhere"
            )
            await self._local("DELETE", f"/api/v1/rooms/{room}" if obj == "gone" else "/api/v1/nowhere")
        if obj == "guessed":
            room = workplace = str(uuid.uuid4())
        scene.values |= {"room": room, "workplace": workplace}

    async def _new_place(self) -> tuple[str, str]:
        """A room with a workplace in it, both by id."""
        self.site.number += 1
        room = (await self._local("POST", "/api/v1/rooms", {"name": f"Raum {self.site.number}"})).json["id"]
        workplace = (await self._local("POST", "/api/v1/workplaces", {"name": f"Ort {self.site.number}", "room": room})).json["id"]
        return str(room), str(workplace)

    async def _local(self, method: str, path: str, body: Any = None) -> Answer:
        content = msgspec.json.encode(body) if body is not None else b""
        return await self.wire.ask(method, path, bearer(self.site.server.server.local_token), content)

    async def _device(self, scene: Scene, obj: str, _role: str, _session: str, _user: str, _endpoint: Endpoint) -> None:
        """Own and other: paired; locked: with somebody signed in at it; gone: revoked."""
        wanted = str(uuid.uuid4())
        if obj != "guessed":
            room, workplace = await self._new_place()
            device = paired(self.site.server, *((workplace, "workplace") if obj == "locked" else (room, "display")))
            wanted = device.device_id
            if obj == "locked":
                self.site.session_of(user_name("assistant"), workplace, wanted)
            if obj == "gone":
                device.revoke()
        scene.values |= {"id": wanted, "device": wanted}
