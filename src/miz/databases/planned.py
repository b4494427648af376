"""The care of the practice's database without being asked: one comparison of instants, as for the nightly backup."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

from miz.access.audit.service import AuditTrail
from miz.databases.model import Plan, is_compaction_due, is_due
from miz.databases.service import Databases
from miz.infra.data_folder import DataFolder
from miz.infra.db.writer import Writer
from miz.infra.server_log import forget_before
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock

_QUIET_AFTER_START_S = 120.0
_AGAIN_AFTER_S = 3_600.0


class PlannedCare:
    """The plan of one practice, and who follows it."""

    def __init__(
        self, databases: Databases, folder: DataFolder, writer: Writer, trail: AuditTrail, *, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._databases = databases
        self._notes = databases.notes
        self._folder = folder
        self._writer = writer
        self._trail = trail
        self._clock = clock
        self._zone = zone
        self._started_s = clock.steady_s()
        self._tried_s = float("-inf")

    @property
    def plan(self) -> Plan:
        """On from the start."""
        return self._notes.read().plan

    async def follow(self, actor: Actor, plan: Plan) -> None:
        """Look after the database by this plan from now on."""
        await asyncio.to_thread(self._notes.note, plan=plan)
        detail = f"{plan.quiet_from}-{plan.quiet_until}" if plan.is_on else "off"
        await self._writer.run(lambda tx: self._trail.record(tx, actor, "database_care_planned", detail=detail))

    async def keep_up(self, actor: Actor) -> None:
        """Do what the plan asks for, also what was missed; after a fault again in an hour."""
        now_s, now = self._clock.steady_s(), self._clock.now().astimezone(self._zone)
        if now_s - self._started_s < _QUIET_AFTER_START_S or now_s - self._tried_s < _AGAIN_AFTER_S or self._databases.is_running:
            return
        known = self._notes.read()
        last_round, last_compaction = known.last_round or self._folder.made_at, known.last_compaction or self._folder.made_at
        if is_due(known.plan, last_round, now):
            self._tried_s = now_s
            await asyncio.to_thread(forget_before, now - timedelta(days=known.plan.log_days))
            await self._databases.tidy_up(actor)
            if known.last_check is None or known.last_check.kind == "quick" or known.last_check.at <= last_round:
                await self._databases.check(actor, is_full=True)
            await asyncio.to_thread(self._notes.note, last_round=now)
        if is_compaction_due(known.plan, last_compaction, now) and not self._folder.is_on_server:
            self._tried_s = now_s
            await self._databases.compact(actor)
