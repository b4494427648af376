"""JSON routes of sessions, users and workplaces."""

from msgspec import Struct

from miz.access import users, workplaces
from miz.access.audit.service import AuditTrail
from miz.access.roles import MANAGE_USERS, READ_USERS, SIGNED_IN
from miz.access.sessions import Sessions
from miz.access.users import check_password_rule
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Transaction, Writer
from miz.infra.http import EVERYBODY, Call, Endpoint
from miz.wire.client_protocol import SessionToken, SignIn, Workplace


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    roles: list[str]
    password: str


class User(Struct, frozen=True):
    id: str
    name: str
    roles: list[str]
    is_disabled: bool


class Users(Struct, frozen=True):
    items: list[User]


class Workplaces(Struct, frozen=True):
    items: list[Workplace]


class AccessRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, sessions: Sessions, writer: Writer, trail: AuditTrail, *, reader: Reader, practice: str) -> None:
        self._sessions = sessions
        self._writer = writer
        self._trail = trail
        self._reader = reader
        self._practice = practice

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="POST", path="/api/v1/session", may=EVERYBODY, run=self.sign_in, body=SignIn, answer=SessionToken, status=201,
                summary="Sign in.", is_open_while_locked=True,
            ),
            Endpoint(method="DELETE", path="/api/v1/session", may=SIGNED_IN, run=self.sign_out, summary="Sign out.", is_open_while_locked=True),
            Endpoint(method="GET", path="/api/v1/workplaces", may=SIGNED_IN, run=self.list_workplaces, answer=Workplaces, summary="All workplaces."),
            Endpoint(method="GET", path="/api/v1/users", may=READ_USERS, run=self.list_users, answer=Users, summary="All users."),
            Endpoint(
                method="POST", path="/api/v1/users", may=MANAGE_USERS, run=self.add_user, body=NewUser, answer=User, status=201,
                summary="Add a user.",
            ),
            Endpoint(
                method="POST", path="/api/v1/users/{name}/disable", may=MANAGE_USERS, run=self.disable_user,
                summary="Switch a user off; the sessions end at once.",
            ),
            Endpoint(method="POST", path="/api/v1/users/{name}/enable", may=MANAGE_USERS, run=self.enable_user, summary="Switch a user on again."),
        ]  # fmt: skip

    async def sign_in(self, call: Call) -> SessionToken:
        token, _ = await self._sessions.sign_in(
            name=call.body.user, password=call.body.password, place=call.body.workplace, address=call.address
        )
        return SessionToken(token)

    async def sign_out(self, call: Call) -> None:
        await self._sessions.sign_out(call.person)

    async def list_workplaces(self, call: Call) -> Workplaces:
        return Workplaces(workplaces.list_workplaces(self._reader()))

    async def list_users(self, call: Call) -> Users:
        return Users([User(user["id"], user["name"], user["roles"], user["is_disabled"]) for user in users.list_users(self._reader())])

    async def add_user(self, call: Call) -> User:
        wanted: NewUser = call.body
        users.check_may_grant(call.person, wanted.roles)
        check_password_rule(wanted.password, wanted.name, self._practice)
        password_hash = await self._sessions.hash_password(wanted.password)

        def add(tx: Transaction) -> str:
            user_id = users.add_user(tx, name=wanted.name, roles=wanted.roles, password_hash=password_hash)
            self._trail.record(tx, call.person, "user_added", detail=f"{user_id} {','.join(sorted(set(wanted.roles)))}")
            return user_id

        user_id = await self._writer.run(add)
        return User(user_id, wanted.name.strip(), sorted(set(wanted.roles)), is_disabled=False)

    async def disable_user(self, call: Call) -> None:
        await self._set_disabled(call, is_disabled=True)

    async def enable_user(self, call: Call) -> None:
        await self._set_disabled(call, is_disabled=False)

    async def _set_disabled(self, call: Call, *, is_disabled: bool) -> None:
        name = call.params["name"]
        user = users.find_user(self._reader(), name)
        if user is not None:
            users.check_may_grant(call.person, user.roles)

        def switch(tx: Transaction) -> str:
            user_id = users.set_user_disabled(tx, name, is_disabled=is_disabled)
            self._trail.record(tx, call.person, "user_disabled" if is_disabled else "user_enabled", detail=user_id)
            return user_id

        user_id = await self._writer.run(switch)
        if is_disabled:
            await self._sessions.end_sessions_of(user_id)
