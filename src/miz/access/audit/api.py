"""JSON routes of the audit trail. Answers name users, never patients: who may see names looks them up by the ids."""

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import MAXYEAR, MINYEAR

from miz.access.audit import queries
from miz.access.audit.model import AuditLines, AuditSearch, ChainPart, Report
from miz.access.audit.queries import EvidenceOf
from miz.access.audit.service import AuditTrail
from miz.access.roles import READ_AUDIT, RENEW_AUDIT_ANCHOR
from miz.infra.db.engine import Reader
from miz.infra.db.writer import Writer
from miz.infra.http import Call, Endpoint
from miz.kernel.errors import InvalidInputError

_ID = re.compile("[0-9]{1,18}")


class AuditRoutes:
    """The routes, bound to one server's parts. `names` gives the users' names by id."""

    def __init__(
        self, trail: AuditTrail, writer: Writer, *, reader: Reader, evidence_of: EvidenceOf, names: Callable[[], Mapping[str, str]]
    ) -> None:
        self._trail = trail
        self._writer = writer
        self._reader = reader
        self._evidence_of = evidence_of
        self._names = names
        # One at a time, beside the event loop; the thread keeps its connection.
        self._verifying = ThreadPoolExecutor(1, thread_name_prefix="miz-audit")

    def endpoints(self) -> list[Endpoint]:
        audit = "/api/v1/audit"
        return [
            Endpoint(
                method="POST", path=audit + "/search", may=READ_AUDIT, run=self.search, body=AuditSearch, answer=AuditLines,
                summary="Who read or changed what, newest first; of one patient, user, action or time.",
            ),
            Endpoint(
                method="POST", path=audit + "/verify", may=READ_AUDIT, run=self.verify, answer=Report,
                summary="Verify the whole chain, its signatures and the file outside of the database.",
            ),
            Endpoint(
                method="GET", path=audit + "/chain", may=READ_AUDIT, run=self.chain, answer=ChainPart,
                query={"after": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "examples": [0]}}, summary="Entries with their hashes, oldest first, for an export; behind the entry `after`.",
                refuses=(InvalidInputError,),
            ),
            Endpoint(
                method="PUT", path=audit + "/anchor", may=RENEW_AUDIT_ANCHOR, run=self.renew_anchor,
                summary="Write the file outside of the database anew, as after it was lost; this is recorded.",
            ),
        ]  # fmt: skip

    async def search(self, call: Call) -> AuditLines:
        wanted: AuditSearch = call.body
        if any(moment is not None and not MINYEAR < moment.year < MAXYEAR for moment in (wanted.since, wanted.until)):
            raise InvalidInputError(field="since")
        await self._trail.catch_up(self._writer)
        self._trail.note(call.person, "audit_read", wanted.patient_id)
        names = self._names()
        return queries.find_entries(self._reader(), wanted, user_id=_id_of(wanted.user, names), names=names)

    async def verify(self, call: Call) -> Report:
        await self._writer.run(lambda tx: self._trail.record(tx, call.person, "audit_verified"))
        await self._trail.catch_up(self._writer)
        return await asyncio.get_running_loop().run_in_executor(self._verifying, self.verified)

    def verified(self) -> Report:
        """The report as the calling thread's connection sees the database."""
        anchor = self._trail.read_anchor()
        return queries.verify(self._reader(), public_key=self._trail.public_key, anchor=anchor, evidence_of=self._evidence_of)

    async def chain(self, call: Call) -> ChainPart:
        after = call.query.get("after", "0")
        if not _ID.fullmatch(after):
            raise InvalidInputError(field="after")
        if after == "0":
            await self._writer.run(lambda tx: self._trail.record(tx, call.person, "audit_exported"))
            await self._trail.catch_up(self._writer)
        return queries.chain_part(self._reader(), self._trail.public_key, after=int(after))

    async def renew_anchor(self, call: Call) -> None:
        await self._trail.renew_anchor(self._writer, call.person)


def _id_of(user: str | None, names: Mapping[str, str]) -> str | None:
    """The id of the user of this name; capitals do not matter, and an id is taken as it is."""
    if user is None:
        return None
    return next((user_id for user_id, name in names.items() if name.casefold() == user.strip().casefold()), user)
