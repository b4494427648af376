"""JSON routes of the session: sign in, sign out."""

from miz.access.errors import PasswordTooShortAloneError, TooManyAttemptsError, UnknownWorkplaceError, UserDisabledError, WrongPasswordError
from miz.access.roles import SIGNED_IN
from miz.access.second_factor.errors import SecondFactorNeededError, WrongSecondFactorError
from miz.access.sessions import Sessions
from miz.access.signing_in import SigningIn
from miz.access.workplaces.rows import find_workplace
from miz.infra.db.engine import Reader
from miz.infra.http import EVERYBODY, Call, Endpoint
from miz.wire.client_protocol import SessionToken, SignIn


class SessionRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, sessions: Sessions, signing_in: SigningIn, *, reader: Reader) -> None:
        self._sessions = sessions
        self._signing_in = signing_in
        self._reader = reader

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="POST", path="/api/v1/session", may=EVERYBODY, run=self.sign_in, body=SignIn, answer=SessionToken, status=201,
                summary="Sign in; where the account has a second factor, with its code.", is_open_while_locked=True,
                refuses=(
                    WrongPasswordError, UserDisabledError, TooManyAttemptsError, PasswordTooShortAloneError, SecondFactorNeededError,
                    WrongSecondFactorError, UnknownWorkplaceError,
                ),
            ),
            Endpoint(method="DELETE", path="/api/v1/session", may=SIGNED_IN, run=self.sign_out, summary="Sign out.", is_open_while_locked=True),
        ]  # fmt: skip

    async def sign_in(self, call: Call) -> SessionToken:
        wanted: SignIn = call.body
        place = find_workplace(self._reader(), wanted.workplace) if wanted.workplace else None
        token, _ = await self._signing_in.sign_in(
            name=wanted.user, password=wanted.password, place=place, address=call.address, code=wanted.code
        )
        return SessionToken(token)

    async def sign_out(self, call: Call) -> None:
        await self._sessions.sign_out(call.person)
