"""JSON routes of users, and of everybody's own account."""

from miz.access.accounts import queries
from miz.access.accounts.model import (
    AddedUser,
    FirstPassword,
    NewPassword,
    NewPin,
    NewUser,
    OneTimeCode,
    OwnSessions,
    UserRoles,
    Users,
)
from miz.access.accounts.service import Accounts
from miz.access.errors import (
    LastOwnerError,
    SessionNotFoundError,
    TooManyAttemptsError,
    UnknownUserError,
    UserDisabledError,
    UserExistsError,
    WeakPasswordError,
    WeakPinError,
    WrongCodeError,
    WrongPasswordError,
)
from miz.access.roles import MANAGE_USERS, OWN_ACCOUNT, READ_USERS
from miz.access.second_factor.errors import SecondFactorRecentNeededError
from miz.access.second_factor.service import SecondFactors
from miz.infra.db.engine import Reader
from miz.infra.http import EVERYBODY, Call, Endpoint
from miz.kernel.clock import Clock


class AccountRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, accounts: Accounts, second_factors: SecondFactors, *, reader: Reader, clock: Clock) -> None:
        self._accounts = accounts
        self._second_factors = second_factors
        self._reader = reader
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        user, own = "/api/v1/users", "/api/v1/sessions"
        recent = self._second_factors.with_recent_code
        return [
            Endpoint(method="GET", path=user, may=READ_USERS, run=self.list_users, answer=Users, summary="All users."),
            Endpoint(
                method="POST", path=user, may=MANAGE_USERS, run=recent(self.add_user), body=NewUser, answer=AddedUser, status=201,
                summary="Add a user, with a password or with a one-time code to set one.",
                refuses=(SecondFactorRecentNeededError, UserExistsError, WeakPasswordError, TooManyAttemptsError),
            ),
            Endpoint(
                method="PUT", path=user + "/{name}/roles", may=MANAGE_USERS, run=recent(self.set_roles), body=UserRoles,
                summary="Give a user other roles; the sessions end at once.",
                refuses=(SecondFactorRecentNeededError, UnknownUserError, LastOwnerError),
            ),
            Endpoint(
                method="POST", path=user + "/{name}/code", may=MANAGE_USERS, run=recent(self.issue_code), answer=OneTimeCode, status=201,
                summary="A one-time code instead of a forgotten password, which is void from then on; the sessions end at once.",
                refuses=(SecondFactorRecentNeededError, UnknownUserError),
            ),
            Endpoint(
                method="POST", path=user + "/{name}/disable", may=MANAGE_USERS, run=recent(self.disable_user),
                summary="Switch a user off; the sessions end at once.",
                refuses=(SecondFactorRecentNeededError, UnknownUserError, LastOwnerError),
            ),
            Endpoint(
                method="POST", path=user + "/{name}/enable", may=MANAGE_USERS, run=recent(self.enable_user), summary="Switch a user on again.",
                refuses=(SecondFactorRecentNeededError, UnknownUserError),
            ),
            Endpoint(
                method="POST", path="/api/v1/first-password", may=EVERYBODY, run=self.set_first_password, body=FirstPassword,
                summary="Set the own password with a one-time code.", is_open_while_locked=True,
                refuses=(WrongCodeError, TooManyAttemptsError, WeakPasswordError),
            ),
            Endpoint(
                method="PUT", path="/api/v1/account/password", may=OWN_ACCOUNT, run=self.change_password, body=NewPassword,
                summary="Change the own password; the other sessions end at once.",
                refuses=(WrongPasswordError, UserDisabledError, TooManyAttemptsError, WeakPasswordError),
            ),
            Endpoint(
                method="PUT", path="/api/v1/account/pin", may=OWN_ACCOUNT, run=self.set_pin, body=NewPin,
                summary="Set the own PIN for a quick change of user.",
                refuses=(WrongPasswordError, UserDisabledError, TooManyAttemptsError, WeakPinError),
            ),
            Endpoint(method="DELETE", path="/api/v1/account/pin", may=OWN_ACCOUNT, run=self.remove_pin, summary="Remove the own PIN."),
            Endpoint(method="GET", path=own, may=OWN_ACCOUNT, run=self.list_sessions, answer=OwnSessions, summary="Where one is signed in."),
            Endpoint(
                method="DELETE", path=own + "/{session}", may=OWN_ACCOUNT, run=self.end_session, summary="End one of the own sessions.",
                refuses=(SessionNotFoundError,),
            ),
        ]  # fmt: skip

    async def list_users(self, call: Call) -> Users:
        return Users(queries.list_users(self._reader(), self._clock.now()))

    async def add_user(self, call: Call) -> AddedUser:
        return await self._accounts.add_user(call.person, call.body)

    async def set_roles(self, call: Call) -> None:
        await self._accounts.set_roles(call.person, call.params["name"], call.body.roles)

    async def issue_code(self, call: Call) -> OneTimeCode:
        return await self._accounts.issue_code(call.person, call.params["name"])

    async def disable_user(self, call: Call) -> None:
        await self._accounts.set_disabled(call.person, call.params["name"], is_disabled=True)

    async def enable_user(self, call: Call) -> None:
        await self._accounts.set_disabled(call.person, call.params["name"], is_disabled=False)

    async def set_first_password(self, call: Call) -> None:
        await self._accounts.set_first_password(call.body.user, call.body.code, call.body.password, call.address)

    async def change_password(self, call: Call) -> None:
        await self._accounts.change_password(call.person, call.body.old_password, call.body.password, call.address)

    async def set_pin(self, call: Call) -> None:
        await self._accounts.set_pin(call.person, call.body.password, call.body.pin, call.address)

    async def remove_pin(self, call: Call) -> None:
        await self._accounts.remove_pin(call.person)

    async def list_sessions(self, call: Call) -> OwnSessions:
        return OwnSessions(self._accounts.own_sessions(call.person))

    async def end_session(self, call: Call) -> None:
        await self._accounts.end_session(call.person, call.params["session"])
