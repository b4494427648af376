"""Users and their roles: one-time codes, other roles, switching off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miz.access import users
from miz.access.accounts.model import NewUser, OneTimeCode, User
from miz.access.accounts.queries import list_users
from miz.access.accounts.service import Accounts
from miz.access.roles import MANAGE_USERS, NEEDS_SECOND_FACTOR, READ_USERS, ROLES
from miz.access.second_factor.service import SecondFactors
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page, said
from miz.infra.db.engine import Reader
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.actor import Actor
from miz.kernel.errors import InvalidInputError, MizError
from miz.practice.web.frame import go_to, reply


@dataclass(frozen=True, kw_only=True)
class UserRow:
    """A user, and whether the reader of the page may change this one."""

    user: User
    may_change: bool
    is_self: bool
    lacks_second_factor: bool


@dataclass(frozen=True, kw_only=True)
class UsersPage:
    """All users. `code` is shown once, in the answer that made it."""

    template: ClassVar[str] = "console_users.html"
    frame: ConsoleFrame
    rows: list[UserRow]
    roles: tuple[str, ...]
    may_add: bool
    may_make_owners: bool
    code: OneTimeCode | None
    code_for: str
    done: str
    errors: dict[str, str]
    values: dict[str, str]
    chosen_roles: list[str]


class UserPages:
    """The pages, bound to one server's parts."""

    def __init__(
        self, accounts: Accounts, second_factors: SecondFactors, frame_of: FrameOf, *, reader: Reader, now: Callable[[], datetime]
    ) -> None:
        self._accounts = accounts
        self._second_factors = second_factors
        self._frame_of = frame_of
        self._reader = reader
        self._now = now

    def endpoints(self) -> list[Endpoint]:
        path, recent = "/console/users", self._second_factors.with_recent_code
        return [
            console_page("GET", path, READ_USERS, self.show, "Users and roles"),
            console_page("POST", path, MANAGE_USERS, recent(self.add), "Add a user"),
            console_page("POST", path + "/{id}/code", MANAGE_USERS, recent(self.issue_code), "A one-time code for a user"),
            console_page("POST", path + "/{id}/roles", MANAGE_USERS, recent(self.set_roles), "Other roles for a user"),
            console_page("POST", path + "/{id}/disable", MANAGE_USERS, recent(self.disable), "Switch a user off"),
            console_page("POST", path + "/{id}/enable", MANAGE_USERS, recent(self.enable), "Switch a user on"),
            console_page(
                "POST", path + "/{id}/second-factor", MANAGE_USERS, recent(self.reset_second_factor), "Reset a user's second factor"
            ),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def add(self, call: Call) -> Reply:
        form = call.form
        try:
            added = await self._accounts.add_user(call.person, NewUser(form.get("name", "").strip(), _roles_in(form)))
        except MizError as error:
            return self._page(call, error=error, values=form)
        return self._page(call, code=added.one_time_code, code_for=added.name)

    async def issue_code(self, call: Call) -> Reply:
        name = self._name(call)
        try:
            code = await self._accounts.issue_code(call.person, name)
        except MizError as error:
            return self._page(call, error=error)
        return self._page(call, code=code, code_for=name)

    async def set_roles(self, call: Call) -> Reply:
        return await self._do(call, "roles", lambda: self._accounts.set_roles(call.person, self._name(call), _roles_in(call.form)))

    async def disable(self, call: Call) -> Reply:
        return await self._do(call, "disabled", lambda: self._accounts.set_disabled(call.person, self._name(call), is_disabled=True))

    async def enable(self, call: Call) -> Reply:
        return await self._do(call, "enabled", lambda: self._accounts.set_disabled(call.person, self._name(call), is_disabled=False))

    async def reset_second_factor(self, call: Call) -> Reply:
        return await self._do(call, "second-factor", lambda: self._second_factors.reset(call.person, self._name(call)))

    async def _do(self, call: Call, done: str, work: Callable[[], Awaitable[None]]) -> Reply:
        try:
            await work()
        except MizError as error:
            return self._page(call, error=error)
        return go_to(f"/console/users?done={done}")

    def _name(self, call: Call) -> str:
        return str(users.user_of(self._reader(), call.params["id"]).name)

    def _page(
        self, call: Call, *, done: str = "", code: OneTimeCode | None = None, code_for: str = "", error: MizError | None = None,
        values: dict[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        actor = call.person
        may_manage = not MANAGE_USERS.isdisjoint(actor.roles)
        page = UsersPage(
            frame=self._frame_of(actor, "users"), rows=[_row(user, actor, may_manage=may_manage) for user in list_users(self._reader(), self._now())],
            roles=ROLES, may_add=may_manage, may_make_owners=not actor.roles.isdisjoint({"owner", "local"}), code=code, code_for=code_for, done=done,
            errors=said(error, call), values=values or {},
            chosen_roles=[role for role in ROLES if (values or {}).get(f"role_{role}")],
        )  # fmt: skip
        return reply(page, call, STATUS_OF[error.kind] if error else 200)


def _row(user: User, actor: Actor, *, may_manage: bool) -> UserRow:
    may_touch = "owner" not in user.roles or not actor.roles.isdisjoint({"owner", "local"})
    return UserRow(
        user=user, may_change=may_manage and may_touch, is_self=user.id == actor.user_id,
        lacks_second_factor=not user.has_second_factor and not NEEDS_SECOND_FACTOR.isdisjoint(user.roles),
    )  # fmt: skip


def _roles_in(form: dict[str, str]) -> list[str]:
    if not (roles := [role for role in ROLES if form.get(f"role_{role}")]):
        raise InvalidInputError("A user needs at least one role.")
    return roles
