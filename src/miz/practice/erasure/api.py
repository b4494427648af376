"""JSON routes of erasing patients."""

from collections.abc import Callable
from datetime import datetime

from miz.access.audit.service import AuditTrail
from miz.access.roles import CONFIRM_ERASURE, ERASE
from miz.access.second_factor.errors import SecondFactorRecentNeededError
from miz.access.second_factor.service import SecondFactors
from miz.infra.http import Call, Endpoint
from miz.practice.erasure.errors import ErasureNotRequestedError, NameDiffersError, RetentionNotOverError, SecondPersonNeededError
from miz.practice.erasure.model import ErasureConfirmation, ErasureReason, Erasures
from miz.practice.erasure.service import ErasureDesk
from miz.practice.errors import PatientMergedError, PatientNotFoundError, PatientOpenElsewhereError

_STANDING = (PatientNotFoundError, PatientMergedError)


class ErasureRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, desk: ErasureDesk, second_factors: SecondFactors, trail: AuditTrail, *, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._second_factors = second_factors
        self._trail = trail
        self._now = now

    def endpoints(self) -> list[Endpoint]:
        erasure, recent = "/api/v1/patients/{id}/erasure", self._second_factors.with_recent_code
        return [
            Endpoint(
                method="GET", path="/api/v1/erasures", may=CONFIRM_ERASURE, run=self.list_all, answer=Erasures,
                summary="Erasures that wait for a second person; for who may ask for one also whose retention is over, the oldest first.",
            ),
            Endpoint(
                method="PUT", path=erasure, may=ERASE, run=recent(self.request), body=ErasureReason,
                summary="Ask for the erasure of a patient, with the reason.",
                refuses=(*_STANDING, RetentionNotOverError, SecondFactorRecentNeededError),
            ),
            Endpoint(
                method="DELETE", path=erasure, may=CONFIRM_ERASURE, run=self.withdraw, summary="Leave the patient as it is.",
                refuses=(PatientNotFoundError,),
            ),
            Endpoint(
                method="POST", path=erasure + "/confirmation", may=CONFIRM_ERASURE, run=recent(self.confirm), body=ErasureConfirmation,
                summary="Erase the patient for good; where two persons may, another one than who has asked.",
                refuses=(
                    *_STANDING, ErasureNotRequestedError, SecondPersonNeededError, RetentionNotOverError, NameDiffersError,
                    PatientOpenElsewhereError, SecondFactorRecentNeededError,
                ),
            ),
        ]  # fmt: skip

    async def list_all(self, call: Call) -> Erasures:
        self._trail.note(call.person, "searched", alike="erasures")
        return await self._desk.list_all(call.person, self._now())

    async def request(self, call: Call) -> None:
        await self._desk.request(call.person, call.params["id"], call.body.reason)

    async def withdraw(self, call: Call) -> None:
        await self._desk.withdraw(call.person, call.params["id"])

    async def confirm(self, call: Call) -> None:
        await self._desk.confirm(call.person, call.params["id"], call.body.name)
