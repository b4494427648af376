"""Pages around the session: sign in at a workplace, the locked screen, sign out."""

from dataclasses import dataclass
from typing import ClassVar

import miz
from miz.access import workplaces
from miz.access.errors import TooManyAttemptsError, UnknownWorkplaceError, WrongPasswordError
from miz.access.roles import SIGNED_IN
from miz.access.sessions import COOKIE, Sessions
from miz.infra.db.engine import Reader
from miz.infra.http import EVERYBODY, STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import MizError
from miz.ui.face import look_of, safe_next
from miz.ui.i18n import translator
from miz.ui.render import Page, render
from miz.wire.client_protocol import Workplace


@dataclass(frozen=True, kw_only=True)
class SignInPage:
    """User, password, workplace."""

    template: ClassVar[str] = "sign_in.html"
    practice: str
    user: str
    workplaces: list[Workplace]
    chosen: str
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
    next: str
    errors: dict[str, str]
    advice: str


class AccessPages:
    """The pages, bound to one server's parts."""

    def __init__(self, sessions: Sessions, *, reader: Reader, practice: str, session_h: int) -> None:
        self._sessions = sessions
        self._reader = reader
        self._practice = practice
        self._session_s = session_h * 3_600

    def endpoints(self) -> list[Endpoint]:
        def page(method: str, path: str, may: frozenset[str], run: object, summary: str) -> Endpoint:
            return Endpoint(method=method, path=path, may=may, run=run, summary=summary, is_page=True, is_open_while_locked=True)  # type: ignore[arg-type]

        return [
            page("GET", "/sign-in", EVERYBODY, self.show_sign_in, "The sign-in page"),
            page("POST", "/sign-in", EVERYBODY, self.sign_in, "Sign in"),
            page("POST", "/sign-out", SIGNED_IN, self.sign_out, "Sign out"),
            page("POST", "/lock", SIGNED_IN, self.lock, "Lock the screen"),
            page("GET", "/locked", SIGNED_IN, self.show_locked, "The locked screen"),
            page("POST", "/locked", SIGNED_IN, self.unlock, "Go on after the lock"),
        ]

    async def show_sign_in(self, call: Call) -> Reply:
        return self._sign_in_page(call, user="", chosen="", next_path=safe_next(call.query.get("next")))

    async def sign_in(self, call: Call) -> Reply:
        form = call.form
        user, chosen, next_path = form.get("user", ""), form.get("workplace", ""), safe_next(form.get("next"))
        try:
            token, _ = await self._sessions.sign_in(
                name=user, password=form.get("password", ""), place=chosen or None, address=call.address
            )
        except (WrongPasswordError, TooManyAttemptsError, UnknownWorkplaceError) as error:
            return self._sign_in_page(call, user=user, chosen=chosen, next_path=next_path, error=error)
        return self._go(next_path, self._cookie(token, self._session_s, call))

    async def sign_out(self, call: Call) -> Reply:
        await self._sessions.sign_out(call.person)
        return self._go("/sign-in", self._cookie("", 0, call))

    async def lock(self, call: Call) -> Reply:
        self._sessions.lock(call.person)
        return self._go(f"/locked?next={safe_next(call.form.get('next'))}")

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
        return self._go(next_path)

    def _sign_in_page(self, call: Call, *, user: str, chosen: str, next_path: str, error: MizError | None = None) -> Reply:
        places = workplaces.list_workplaces(self._reader())
        errors, advice = _words(call, error, "workplace" if isinstance(error, UnknownWorkplaceError) else "password")
        page = SignInPage(
            practice=self._practice, user=user, workplaces=places, chosen=chosen, next=next_path, errors=errors, advice=advice
        )  # fmt: skip
        return _reply(page, call, error)

    def _locked_page(self, call: Call, next_path: str, error: MizError | None = None) -> Reply:
        person = call.person
        errors, advice = _words(call, error, "password")
        page = LockedPage(
            practice=self._practice, user=person.user, user_id=person.user_id, next=next_path, errors=errors, advice=advice
        )  # fmt: skip
        return _reply(page, call, error)

    def _go(self, path: str, *headers: tuple[str, str]) -> Reply:
        return Reply(b"", 303, headers=[("location", path), *headers])

    def _cookie(self, token: str, age_s: int, call: Call) -> tuple[str, str]:
        secure = "; Secure" if call.is_secure else ""
        return "set-cookie", f"{COOKIE}={token}; Max-Age={age_s}; Path=/; HttpOnly; SameSite=Strict{secure}"


def _words(call: Call, error: MizError | None, field: str) -> tuple[dict[str, str], str]:
    """What happened, by field, and what to do, in the language of the browser."""
    if error is None:
        return {}, ""
    translate = translator(look_of(call).language)
    return {field: translate(error.title)}, translate(error.hint) if error.hint else ""


def _reply(page: Page, call: Call, error: MizError | None) -> Reply:
    return Reply(render(page, look_of(call), version=miz.__version__), STATUS_OF[error.kind] if error else 200)
