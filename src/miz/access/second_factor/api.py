"""JSON routes of the own second factor, and of resetting somebody else's."""

from miz.access.errors import TooManyAttemptsError, UnknownUserError, UserDisabledError, WeakPasswordError, WrongPasswordError
from miz.access.roles import MANAGE_USERS, OWN_ACCOUNT
from miz.access.second_factor.errors import (
    NoSecondFactorError,
    SecondFactorActiveError,
    SecondFactorRecentNeededError,
    WrongSecondFactorError,
)
from miz.access.second_factor.model import (
    NewSecondFactor,
    RecoveryCodes,
    SecondFactorCode,
    SecondFactorRemoval,
    SecondFactorSecret,
    SecondFactorState,
)
from miz.access.second_factor.service import SecondFactors
from miz.infra.http import Call, Endpoint

_BY_PASSWORD = (WrongPasswordError, UserDisabledError, TooManyAttemptsError)
_BY_CODE = (NoSecondFactorError, WrongSecondFactorError, TooManyAttemptsError)


class SecondFactorRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, second_factors: SecondFactors) -> None:
        self._second_factors = second_factors

    def endpoints(self) -> list[Endpoint]:
        own, recent = "/api/v1/account/second-factor", self._second_factors.with_recent_code
        return [
            Endpoint(
                method="GET", path=own, may=OWN_ACCOUNT, run=self.show, answer=SecondFactorState, summary="Whether the own account has a second factor."
            ),
            Endpoint(
                method="POST", path=own, may=OWN_ACCOUNT, run=self.begin, body=NewSecondFactor, answer=SecondFactorSecret, status=201,
                summary="Begin to set up a second factor: the secret for the app, shown once.",
                refuses=(*_BY_PASSWORD, SecondFactorActiveError),
            ),
            Endpoint(
                method="POST", path=own + "/activation", may=OWN_ACCOUNT, run=self.activate, body=SecondFactorCode, answer=RecoveryCodes, status=201,
                summary="Prove the secret with a first code: from now on it is asked for. Ten recovery codes, shown once; the other sessions end.",
                refuses=(*_BY_CODE, SecondFactorActiveError),
            ),
            Endpoint(
                method="POST", path=own + "/recovery-codes", may=OWN_ACCOUNT, run=self.renew, body=SecondFactorCode, answer=RecoveryCodes, status=201,
                summary="Ten new recovery codes, shown once; the former are void.",
                refuses=_BY_CODE,
            ),
            Endpoint(
                method="POST", path=own + "/removal", may=OWN_ACCOUNT, run=self.remove, body=SecondFactorRemoval,
                summary="Remove the own second factor; the other sessions end.",
                refuses=(*_BY_PASSWORD, *_BY_CODE, WeakPasswordError),
            ),
            Endpoint(
                method="POST", path="/api/v1/session/second-factor", may=OWN_ACCOUNT, run=self.confirm, body=SecondFactorCode,
                summary="Confirm the session with a code; for ten minutes it counts as recent.",
                refuses=_BY_CODE,
            ),
            Endpoint(
                method="POST", path="/api/v1/users/{name}/second-factor/reset", may=MANAGE_USERS, run=recent(self.reset),
                summary="Reset the second factor of another user who has lost phone and recovery codes; the sessions end at once.",
                refuses=(SecondFactorRecentNeededError, UnknownUserError, NoSecondFactorError),
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> SecondFactorState:
        return self._second_factors.state(call.person)

    async def begin(self, call: Call) -> SecondFactorSecret:
        return await self._second_factors.begin(call.person, call.body.password, call.address)

    async def activate(self, call: Call) -> RecoveryCodes:
        return await self._second_factors.activate(call.person, call.body.code, call.address)

    async def renew(self, call: Call) -> RecoveryCodes:
        return await self._second_factors.renew_recovery_codes(call.person, call.body.code, call.address)

    async def remove(self, call: Call) -> None:
        await self._second_factors.remove(call.person, call.body.password, call.body.code, call.address)

    async def confirm(self, call: Call) -> None:
        await self._second_factors.confirm(call.person, call.body.code, call.address)

    async def reset(self, call: Call) -> None:
        await self._second_factors.reset(call.person, call.params["name"])
