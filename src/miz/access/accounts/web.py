"""Pages of the own account: password, PIN and sessions; the first password; another user at the same window."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import ClassVar

from miz.access.accounts import queries
from miz.access.accounts.model import OwnSession
from miz.access.accounts.service import Accounts
from miz.access.devices.cookie import device_of
from miz.access.errors import (
    PasswordsDifferError,
    SessionNotFoundError,
    TooManyAttemptsError,
    UnregisteredWorkplaceError,
    WeakPasswordError,
    WeakPinError,
    WrongCodeError,
    WrongPasswordError,
    WrongPinError,
)
from miz.access.gate import gate_reply, go_to, session_cookie, way_back, words_of
from miz.access.roles import NEEDS_SECOND_FACTOR, OWN_ACCOUNT
from miz.access.second_factor.queries import has_second_factor
from miz.infra.db.engine import Reader
from miz.infra.http import EVERYBODY, Call, Endpoint, Reply
from miz.infra.settings import Settings
from miz.kernel.errors import MizError


@dataclass(frozen=True, kw_only=True)
class AccountPage:
    """The own account. `done` names what was just changed."""

    template: ClassVar[str] = "account.html"
    practice: str
    user: str
    user_id: str
    idle_lock_min: int
    sessions: list[OwnSession]
    has_pin: bool
    has_second_factor: bool
    needs_second_factor: bool
    done: str
    errors: dict[str, str]
    advice: str


@dataclass(frozen=True, kw_only=True)
class FirstPasswordPage:
    """Name, one-time code and the new password twice."""

    template: ClassVar[str] = "first_password.html"
    practice: str
    user: str
    code: str
    errors: dict[str, str]
    advice: str


@dataclass(frozen=True, kw_only=True)
class ChangeUserPage:
    """Who takes the place, and the PIN. `names` are those whose PIN counts today."""

    template: ClassVar[str] = "change_user.html"
    practice: str
    user: str
    user_id: str
    is_registered: bool
    names: list[str]
    chosen: str
    next: str
    errors: dict[str, str]
    advice: str


class AccountPages:
    """The pages, bound to one server's parts."""

    def __init__(self, accounts: Accounts, *, reader: Reader, settings: Settings, practice: str) -> None:
        self._accounts = accounts
        self._reader = reader
        self._settings = settings
        self._practice = practice

    def endpoints(self) -> list[Endpoint]:
        def page(method: str, path: str, may: frozenset[str], run: object, summary: str, *, is_open: bool = False) -> Endpoint:
            return Endpoint(method=method, path=path, may=may, run=run, summary=summary, is_page=True, is_open_while_locked=is_open)  # type: ignore[arg-type]

        return [
            page("GET", "/account", OWN_ACCOUNT, self.show_account, "The own account"),
            page("POST", "/account/password", OWN_ACCOUNT, self.change_password, "Change the own password"),
            page("POST", "/account/pin", OWN_ACCOUNT, self.set_pin, "Set the own PIN"),
            page("POST", "/account/pin/removal", OWN_ACCOUNT, self.remove_pin, "Remove the own PIN"),
            page("POST", "/account/sessions/{session}/end", OWN_ACCOUNT, self.end_session, "End one of the own sessions"),
            page("GET", "/first-password", EVERYBODY, self.show_first_password, "The first password", is_open=True),
            page("POST", "/first-password", EVERYBODY, self.set_first_password, "Set the first password", is_open=True),
            page("GET", "/change-user", OWN_ACCOUNT, self.show_change_user, "Another user at this window", is_open=True),
            page("POST", "/change-user", OWN_ACCOUNT, self.change_user, "Change the user by PIN", is_open=True),
        ]

    async def show_account(self, call: Call) -> Reply:
        return self._account_page(call, done=call.query.get("done", ""))

    async def change_password(self, call: Call) -> Reply:
        form = call.form
        try:
            password = _typed_twice(form)
            await self._accounts.change_password(call.person, form.get("old_password", ""), password, call.address)
        except (WrongPasswordError, TooManyAttemptsError) as error:
            return self._account_page(call, field="old_password", error=error)
        except (WeakPasswordError, PasswordsDifferError) as error:
            return self._account_page(call, field="password", error=error)
        return go_to("/account?done=password")

    async def set_pin(self, call: Call) -> Reply:
        form = call.form
        try:
            await self._accounts.set_pin(call.person, form.get("pin_password", ""), form.get("pin", ""), call.address)
        except (WrongPasswordError, TooManyAttemptsError) as error:
            return self._account_page(call, field="pin_password", error=error)
        except WeakPinError as error:
            return self._account_page(call, field="pin", error=error)
        return go_to("/account?done=pin")

    async def remove_pin(self, call: Call) -> Reply:
        return await self._done(self._accounts.remove_pin(call.person), "pin-removed")

    async def end_session(self, call: Call) -> Reply:
        try:
            return await self._done(self._accounts.end_session(call.person, call.params["session"]), "session")
        except SessionNotFoundError as error:
            return self._account_page(call, error=error)

    async def show_first_password(self, call: Call) -> Reply:
        return self._first_password_page(call)

    async def set_first_password(self, call: Call) -> Reply:
        form = call.form
        try:
            password = _typed_twice(form)
            await self._accounts.set_first_password(form.get("user", ""), form.get("code", ""), password, call.address)
        except (WrongCodeError, TooManyAttemptsError) as error:
            return self._first_password_page(call, field="code", error=error)
        except (WeakPasswordError, PasswordsDifferError) as error:
            return self._first_password_page(call, field="password", error=error)
        return go_to("/sign-in?password=set")

    async def show_change_user(self, call: Call) -> Reply:
        return self._change_user_page(call)

    async def change_user(self, call: Call) -> Reply:
        device = device_of(call, self._reader)
        try:
            if device is None or device.id != call.person.device_id:
                raise UnregisteredWorkplaceError
            token = await self._accounts.change_user(call.person, call.form.get("user", ""), call.form.get("pin", ""), call.address)
        except (WrongPinError, TooManyAttemptsError) as error:
            return self._change_user_page(call, error)
        return go_to(way_back(call), session_cookie(token, self._settings.session_h * 3_600, call))

    async def _done(self, work: Awaitable[None], what: str) -> Reply:
        await work
        return go_to(f"/account?done={what}")

    def _account_page(self, call: Call, *, done: str = "", field: str = "", error: MizError | None = None) -> Reply:
        person = call.person
        errors, advice = words_of(call, error, field)
        page = AccountPage(
            practice=self._practice, user=person.user, user_id=person.user_id, idle_lock_min=self._settings.idle_lock_min,
            sessions=self._accounts.own_sessions(person), has_pin=queries.has_pin(self._reader(), person.user_id), done=done,
            has_second_factor=has_second_factor(self._reader(), person.user_id), needs_second_factor=not NEEDS_SECOND_FACTOR.isdisjoint(person.roles),
            errors=errors, advice=advice,
        )  # fmt: skip
        return gate_reply(page, call, error)

    def _first_password_page(self, call: Call, *, field: str = "", error: MizError | None = None) -> Reply:
        errors, advice = words_of(call, error, field)
        form = call.form if call.raw_body else {}
        page = FirstPasswordPage(
            practice=self._practice, user=form.get("user", ""), code=form.get("code", "") if field == "password" else "", errors=errors, advice=advice
        )  # fmt: skip
        return gate_reply(page, call, error)

    def _change_user_page(self, call: Call, error: MizError | None = None) -> Reply:
        person = call.person
        errors, advice = words_of(call, error, "pin")
        page = ChangeUserPage(
            practice=self._practice, user=person.user, user_id=person.user_id, is_registered=person.device_id is not None,
            names=self._accounts.ready_for_change(person) if person.device_id else [], next=way_back(call),
            chosen=call.form.get("user", "") if call.raw_body else "", errors=errors, advice=advice,
        )  # fmt: skip
        return gate_reply(page, call, error)


def _typed_twice(form: dict[str, str]) -> str:
    """The new password, if it was typed the same both times. Raises `PasswordsDifferError`."""
    if form.get("password", "") != form.get("repeated", ""):
        raise PasswordsDifferError
    return form.get("password", "")
