"""The console's screens, each given the parts of the server that it works with."""

from typing import TYPE_CHECKING

from miz.access import users
from miz.access.audit.api import AuditRoutes
from miz.access.roles import SEARCH_PATIENTS
from miz.apps.console.applications import ApplicationPages
from miz.apps.console.backups import BackupPages
from miz.apps.console.certificate import CertificatePages
from miz.apps.console.databases import DatabasePages
from miz.apps.console.erasure import ErasurePages
from miz.apps.console.first_steps import FirstStepPages
from miz.apps.console.frame import ConsoleFrame, screens_for
from miz.apps.console.leases import LeasePages
from miz.apps.console.mode import ModePages
from miz.apps.console.overview import OverviewPages
from miz.apps.console.places import PlacePages
from miz.apps.console.settings import SettingsPages
from miz.apps.console.trail import TrailPages
from miz.apps.console.users import UserPages
from miz.infra.http import Endpoint
from miz.kernel.actor import Actor
from miz.practice.patients.rows import evidence_of

if TYPE_CHECKING:
    from miz.apps.bootstrap import Server


def console_endpoints(server: "Server") -> list[Endpoint]:
    """Every page of the console."""

    def frame(actor: Actor, current: str) -> ConsoleFrame:
        """What stands around a page of the console for this person."""
        return ConsoleFrame(
            practice=server.practice, user=actor.user, user_id=actor.user_id, place=actor.place, idle_lock_min=server.settings.idle_lock_min,
            is_in_setup=server.modes.mode == "setup", has_patients=not SEARCH_PATIENTS.isdisjoint(actor.roles), screens=screens_for(actor, current),
        )  # fmt: skip

    reader, now = server.database.reader, server.clock.now
    audit = AuditRoutes(server.trail, server.writer, reader=reader, evidence_of=evidence_of, names=lambda: users.names_by_id(reader()))
    applications = ApplicationPages(
        server.openings, server.notices, server.devices, frame, reader=reader, now=now,
        displays=lambda: [(viewer.device_id, viewer.room) for viewer in server.viewer.viewers_online()],
    )  # fmt: skip
    return [
        *OverviewPages(
            server.openings, server.modes, server.folder, server.database, frame, reader=reader, backups=server.backups, databases=server.databases, online=applications.online, is_ready=server.is_ready, trouble=server.watch.look, certificate=server.certificate_desk.state, edition=server.edition_ref,
            requests=lambda: server.traffic.last_hour(server.clock.steady_s()), now=now,
        ).endpoints(),
        *applications.endpoints(),
        *LeasePages(server.openings, server.writer, frame, reader=reader).endpoints(),
        *ModePages(server.modes, server.openings, server.writer, frame).endpoints(),
        *UserPages(server.accounts, server.second_factors, frame, reader=reader, now=now).endpoints(),
        *PlacePages(server.places, server.writer, frame, reader=reader).endpoints(),
        *TrailPages(server.trail, audit, server.writer, frame, reader=reader).endpoints(),
        *DatabasePages(server.databases, server.care, frame, reader=reader, is_on_server=server.folder.is_on_server).endpoints(),
        *BackupPages(server.backups, server.restoration, server.second_factors, server.folder, frame, today=server.today).endpoints(),
        *ErasurePages(
            server.erasures, server.second_factors, server.trail, server.folder, frame, reader=reader, now=now, today=server.today,
            plan=lambda: server.backups.plan,
        ).endpoints(),
        *CertificatePages(server.certificate_desk, server.settings, frame, now=now).endpoints(),
        *SettingsPages(server.settings, server.modes, server.presence, server.folder, frame).endpoints(),
        *FirstStepPages(server.modes, server.folder, server.writer, server.trail, frame, reader=reader, practice=server.practice, now=now).endpoints(),
    ]  # fmt: skip
