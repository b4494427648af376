"""Pages around the session: sign in at a workplace, the locked screen, sign out."""

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from miz.access.devices.cookie import device_of
from miz.access.devices.model import Device
from miz.access.errors import TooManyAttemptsError, UnknownWorkplaceError, WrongPasswordError
from miz.access.gate import gate_reply, go_to, session_cookie, way_back, words_of
from miz.access.roles import SEARCH_PATIENTS, SIGNED_IN
from miz.access.second_factor.errors import WrongSecondFactorError
from miz.access.sessions import Sessions
from miz.access.signing_in import HALF_S, SigningIn
from miz.access.workplaces.rows import find_workplace, list_workplaces
from miz.infra.db.engine import Reader
from miz.infra.http import EVERYBODY, Call, Endpoint, Reply
from miz.kernel.actor import Actor
from miz.kernel.errors import MizError, NotSignedInError
from miz.ui.face import safe_next
from miz.wire.client_protocol import Workplace

# Between the two steps: what was right so far, known by a token that is no session.
_HALF_COOKIE = "miz_sign_in"


@dataclass(frozen=True, kw_only=True)
class SignInPage:
    """User, password, workplace; at a registered workplace that one."""

    template: ClassVar[str] = "sign_in.html"
    practice: str
    user: str
    workplaces: list[Workplace]
    registered: Device | None
    chosen: str
    next: str
    has_new_password: bool
    errors: dict[str, str]
    advice: str


@dataclass(frozen=True, kw_only=True)
class SignInCodePage:
    """The second step: the code of the second factor."""

    template: ClassVar[str] = "sign_in_code.html"
    practice: str
    user: str
    next: str
    errors: dict[str, str]
    advice: str


@dataclass(frozen=True, kw_only=True)
class LockedPage:
    """Nothing of any patient: who may go on, and the password field."""

    template: ClassVar[str] = "locked.html"
    practice: str
    user: str
    user_id: str
    is_registered: bool
    next: str
    errors: dict[str, str]
    advice: str


class AccessPages:
    """The pages, bound to one server's parts."""

    def __init__(self, sessions: Sessions, signing_in: SigningIn, *, reader: Reader, practice: str, session_h: int) -> None:
        self._sessions = sessions
        self._signing_in = signing_in
        self._reader = reader
        self._practice = practice
        self._session_s = session_h * 3_600

    def endpoints(self) -> list[Endpoint]:
        def page(method: str, path: str, may: frozenset[str], run: object, summary: str) -> Endpoint:
            return Endpoint(method=method, path=path, may=may, run=run, summary=summary, is_page=True, is_open_while_locked=True)  # type: ignore[arg-type]

        return [
            page("GET", "/sign-in", EVERYBODY, self.show_sign_in, "The sign-in page"),
            page("POST", "/sign-in", EVERYBODY, self.sign_in, "Sign in"),
            page("GET", "/sign-in/code", EVERYBODY, self.show_code, "The second step of the sign-in"),
            page("POST", "/sign-in/code", EVERYBODY, self.finish, "Sign in with the code of the second factor"),
            page("POST", "/sign-out", SIGNED_IN, self.sign_out, "Sign out"),
            page("POST", "/lock", SIGNED_IN, self.lock, "Lock the screen"),
            page("GET", "/locked", SIGNED_IN, self.show_locked, "The locked screen"),
            page("POST", "/locked", SIGNED_IN, self.unlock, "Go on after the lock"),
        ]

    async def show_sign_in(self, call: Call) -> Reply:
        return self._sign_in_page(call, next_path=safe_next(call.query.get("next")))

    async def sign_in(self, call: Call) -> Reply:
        form, registered = call.form, self._registered(call)
        user, next_path = form.get("user", ""), safe_next(form.get("next"))
        chosen = (registered.workplace_id or "") if registered else form.get("workplace", "")
        try:
            place = find_workplace(self._reader(), chosen) if chosen else None
            token, actor = await self._signing_in.begin(
                name=user, password=form.get("password", ""), place=place, address=call.address,
                device_id=registered.id if registered else None,
            )  # fmt: skip
        except (WrongPasswordError, TooManyAttemptsError, UnknownWorkplaceError) as error:
            return self._sign_in_page(call, user=user, chosen=chosen, next_path=next_path, error=error)
        if actor is None:
            return go_to(f"/sign-in/code?next={quote(next_path)}", call.kept_cookie(_HALF_COOKIE, token, int(HALF_S)))
        return await self._enter(call, token, actor, next_path)

    async def show_code(self, call: Call) -> Reply:
        return self._code_page(call, safe_next(call.query.get("next")))

    async def finish(self, call: Call) -> Reply:
        form = call.form
        next_path = safe_next(form.get("next"))
        code = form.get("second_factor_code", "").strip() or form.get("second_factor_recovery_code", "")
        try:
            token, actor = await self._signing_in.finish(call.own_cookie(_HALF_COOKIE), code, call.address)
        except (WrongSecondFactorError, TooManyAttemptsError) as error:
            return self._code_page(call, next_path, error)
        except NotSignedInError:
            return go_to(f"/sign-in?next={quote(next_path)}")
        return await self._enter(call, token, actor, next_path, call.kept_cookie(_HALF_COOKIE, "", 0))

    async def sign_out(self, call: Call) -> Reply:
        await self._sessions.sign_out(call.person)
        return go_to("/sign-in", session_cookie("", 0, call))

    async def lock(self, call: Call) -> Reply:
        self._sessions.lock(call.person)
        return go_to(f"/locked?next={quote(way_back(call))}")

    async def show_locked(self, call: Call) -> Reply:
        self._sessions.lock(call.person)
        return self._locked_page(call, safe_next(call.query.get("next")))

    async def unlock(self, call: Call) -> Reply:
        form = call.form
        next_path = safe_next(form.get("next"))
        try:
            await self._sessions.unlock(call.person, form.get("password", ""), call.address)
        except (WrongPasswordError, TooManyAttemptsError) as error:
            return self._locked_page(call, next_path, error)
        return go_to(next_path)

    async def _enter(self, call: Call, token: str, actor: Actor, next_path: str, *headers: tuple[str, str]) -> Reply:
        # The browser shows its new session from here on; nobody could end the former one any more.
        if call.actor is not None:
            await self._sessions.sign_out(call.actor)
        return go_to(_home_of(actor) if next_path == "/" else next_path, session_cookie(token, self._session_s, call), *headers)

    def _code_page(self, call: Call, next_path: str, error: MizError | None = None) -> Reply:
        try:
            half = self._signing_in.half_of(call.own_cookie(_HALF_COOKIE))
        except NotSignedInError:
            return go_to(f"/sign-in?next={quote(next_path)}")
        errors, advice = words_of(call, error, "second_factor_code")
        page = SignInCodePage(practice=self._practice, user=half.user, next=next_path, errors=errors, advice=advice)
        return gate_reply(page, call, error)

    def _registered(self, call: Call) -> Device | None:
        """The registered workplace that this browser stands for."""
        device = device_of(call, self._reader)
        return device if device is not None and device.kind == "workplace" else None

    def _sign_in_page(self, call: Call, *, user: str = "", chosen: str = "", next_path: str, error: MizError | None = None) -> Reply:
        errors, advice = words_of(call, error, "workplace" if isinstance(error, UnknownWorkplaceError) else "password")
        page = SignInPage(
            practice=self._practice, user=user, workplaces=list_workplaces(self._reader()), registered=self._registered(call),
            chosen=chosen, next=next_path, has_new_password=call.query.get("password") == "set", errors=errors, advice=advice,
        )  # fmt: skip
        return gate_reply(page, call, error)

    def _locked_page(self, call: Call, next_path: str, error: MizError | None = None) -> Reply:
        person = call.person
        errors, advice = words_of(call, error, "password")
        page = LockedPage(
            practice=self._practice, user=person.user, user_id=person.user_id, is_registered=person.device_id is not None,
            next=next_path, errors=errors, advice=advice,
        )  # fmt: skip
        return gate_reply(page, call, error)


def _home_of(actor: Actor) -> str:
    """The first page for these roles: the patients, or the console for who has nothing to do with them."""
    return "/" if actor.roles & SEARCH_PATIENTS else "/console"
