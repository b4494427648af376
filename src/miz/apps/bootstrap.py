"""Builds one server from its parts. What is wired here is wired nowhere else."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

import miz
from miz.access import users
from miz.access.accounts.api import AccountRoutes
from miz.access.accounts.service import Accounts
from miz.access.accounts.web import AccountPages
from miz.access.api import SessionRoutes
from miz.access.attempts import Attempts
from miz.access.audit import queries as audit_queries
from miz.access.audit.api import AuditRoutes
from miz.access.audit.service import AuditTrail, signing_seed
from miz.access.credentials import Credentials
from miz.access.devices.api import DeviceRoutes
from miz.access.devices.service import DeviceRegister
from miz.access.devices.web import DevicePages
from miz.access.idempotency import forget_old_answers
from miz.access.passwords import PasswordDesk, check_password_rule
from miz.access.second_factor.api import SecondFactorRoutes
from miz.access.second_factor.errors import SecondFactorRecentNeededError
from miz.access.second_factor.service import SecondFactors
from miz.access.second_factor.web import SecondFactorPages
from miz.access.sessions import LOCAL, Sessions, end_every_session
from miz.access.signing_in import SigningIn
from miz.access.web import AccessPages
from miz.access.workplaces.api import PlaceRoutes
from miz.access.workplaces.service import Places, set_up_workplace
from miz.apps.advice import EditionAdvisor
from miz.apps.certificates.api import CertificateRoutes
from miz.apps.certificates.service import CertificateDesk
from miz.apps.console.routes import console_endpoints
from miz.apps.console.traffic import Traffic
from miz.apps.drugs.pages import DrugPages
from miz.apps.sample_patients import SAMPLE_PATIENTS
from miz.apps.system_api import Health, SystemRoutes, openapi_endpoint
from miz.apps.viewer.app import Viewer
from miz.backup.apart import work_apart
from miz.backup.api import BackupRoutes
from miz.backup.errors import BackupUnsoundError
from miz.backup.making import Practice, server_of
from miz.backup.restoration import Restoration
from miz.backup.service import Backups
from miz.checks.api import CheckRoutes
from miz.databases.api import DatabaseRoutes
from miz.databases.model import Proof
from miz.databases.planned import PlannedCare
from miz.databases.service import Databases
from miz.databases.watch import Watch
from miz.infra.certificates.folder import Certificates
from miz.infra.clock import SystemClock
from miz.infra.data_folder import DataFolder
from miz.infra.db.engine import ReadOnlyDatabase
from miz.infra.db.migrate import bring_up_to_date
from miz.infra.db.practice_database import PracticeDatabase
from miz.infra.db.sources import refuse_taken, source_of, wait_for_turn
from miz.infra.db.upgrade import upgrade
from miz.infra.db.writer import Transaction, Writer
from miz.infra.events import Event, EventBroker
from miz.infra.files import InstanceLock
from miz.infra.hosts import for_known_hosts
from miz.infra.http import Answer, Call, Endpoint, build_app
from miz.infra.server_log import record_unexpected
from miz.infra.settings import Settings
from miz.kernel.actor import Actor
from miz.kernel.clock import Clock
from miz.kernel.errors import DatabaseUnavailableError, MizError
from miz.knowledge.api import DrugRoutes
from miz.knowledge.edition import Edition
from miz.practice.api import ApplicationRoutes
from miz.practice.drafts.api import DraftRoutes
from miz.practice.drafts.service import Drafts
from miz.practice.erasure.api import ErasureRoutes
from miz.practice.erasure.service import ErasureDesk, erase_again
from miz.practice.errors import ModeForbidsError
from miz.practice.modes.api import ModeRoutes
from miz.practice.modes.service import Modes
from miz.practice.moving.api import MovingRoutes
from miz.practice.moving.service import Moving
from miz.practice.notices import Notices
from miz.practice.openings.api import OpeningRoutes
from miz.practice.openings.presence import Presence
from miz.practice.openings.service import Openings
from miz.practice.openings.store import begin_epoch
from miz.practice.own_drugs.api import OwnDrugRoutes
from miz.practice.own_drugs.service import OwnDrugs
from miz.practice.patients import queries
from miz.practice.patients.api import PatientRoutes
from miz.practice.patients.memory import RecordMemory
from miz.practice.patients.rows import evidence_of
from miz.practice.patients.service import Records
from miz.practice.soundness import broken_rules
from miz.practice.tables import server_state
from miz.practice.web.find import FindPages
from miz.practice.web.frame import Desk
from miz.practice.web.pages import PatientPages
from miz.practice.web.papers.routes import PaperRoutes
from miz.practice.web.record import RecordDesk
from miz.ui import assets, gallery
from miz.ui import help as help_pages
from miz.ui.face import Face
from miz.wire.client_protocol import EditionRef, NewPatient, Patient
from miz.wire.client_protocol import Server as ServerState

PRACTICE_ZONE = ZoneInfo("Europe/Berlin")
HOUSEKEEPING_S = 0.5
_ROUNDS_BETWEEN_CLEARING = 7_200
BACKING_UP = "miz.apps.backing_up"
"""The program that makes backups beside the server."""
_RECORDS_READ = 1_000
"""Of a restored practice; its pages, rows and audit trail are looked at one by one before."""


class Server:
    """One practice's server: holds the data folder from `__init__` to `close`, works between `start` and `stop`.

    With `waiting` it waits for the server that works with the database now, and calls `waiting()` twice a second.
    Raises `DataFolderInUseError`, `NoPracticeError` and what opening the database raises.
    """

    def __init__(
        self, folder: DataFolder, settings: Settings, *, clock: Clock | None = None, waiting: Callable[[], None] | None = None
    ) -> None:
        folder.require_practice()
        self.folder = folder
        self.settings = settings
        self.clock = clock or SystemClock()
        self.local_token = secrets.token_urlsafe(32)
        self.reason_to_stop: Exception | None = None
        self.answers_others = False
        """Whether people may be at work with this server, not only a command of its own process."""
        self.begins_anew = False
        self.fault_at_end: MizError | None = None
        self._at_giving_up: Callable[[], None] = lambda: None
        self._last_act: Callable[[], None] = lambda: None
        with contextlib.ExitStack() as undo:
            self._lock = InstanceLock(folder.instance_lock)
            undo.callback(self._lock.release)
            key = folder.read_key(settings)
            source, name = source_of(folder, settings, key), f"{socket.gethostname()}:{folder.path}"
            self.database = wait_for_turn(source, name=name, waiting=waiting) if waiting else PracticeDatabase(source, name=name)
            undo.callback(self.database.close)
            upgrade(self.database.writer_connection, key, folder)
            self.database.take_over(begin_epoch)
            self.viewing = ReadOnlyDatabase(source)
            undo.callback(self.viewing.close)
            self.trail = AuditTrail(clock=self.clock, seed=signing_seed(key), anchor_file=folder.audit_anchor)
            self._build(key)
            undo.pop_all()

    def _build(self, key: bytes) -> None:
        reader, clock = self.database.reader, self.clock
        state = reader().execute(select(server_state)).one()
        self.practice: str = state.practice
        self.certificates = Certificates(
            self.folder.certificates,
            database_key=key,
            practice=self.practice,
            site_names=self.settings.server_names.split(","),
            clock=clock,
        )
        self.edition = Edition.open()
        self.writer = Writer(self.database, clock=clock, give_up=self._give_up)
        self.databases = Databases(
            self.folder, self.database, self.writer, self.trail, self.edition, clock=clock, zone=PRACTICE_ZONE, verify_rows=self.verify_rows,
            proof=lambda: Proof(self.backups.last_made(), self.backups.last_rehearsed()),
        )  # fmt: skip
        self.watch = Watch(
            self.database, self.writer, probe=lambda tx: tx.connection.execute(update(server_state).values(id=server_state.c.id)),
            tell=lambda: self.broker.publish([Event("database")]),
        )  # fmt: skip
        self.care = PlannedCare(self.databases, self.folder, self.writer, self.trail, clock=clock, zone=PRACTICE_ZONE)
        backed_up = Practice(self.folder, key, miz.__version__, server_of(self.settings))
        self.backups = Backups(
            backed_up, self.writer, self.trail, clock=clock, zone=PRACTICE_ZONE, work=work_apart(backed_up, self.settings, BACKING_UP)
        )
        self.restoration = Restoration(
            self.backups.practice, self.backups, self.writer, self.trail, settings=self.settings, clock=clock, reader=reader,
            name=self.practice, epoch=state.epoch, settle=settle_restored, require_quiet=self._require_quiet, begin_anew=self._begin_anew,
        )  # fmt: skip
        self.certificate_desk = CertificateDesk(self.certificates, self.writer, self.trail)
        self.broker = EventBroker()
        self.traffic = Traffic()
        self.memory = RecordMemory()
        self.presence = Presence(self.broker, clock=clock, interval_s=state.control_interval_s)
        self.records = Records(self.memory, self.broker, self.trail, today=self.today, require_sound=self.databases.require_sound)
        self.openings = Openings(self.presence, self.records, self.broker, self.trail, clock=clock, epoch=state.epoch)
        self.moving = Moving(self.openings, self.records)
        self.drafts = Drafts(self.openings, self.broker, reader=reader)
        self.erasures = ErasureDesk(
            self.records, self.memory, self.openings, self.database, self.writer, self.broker, self.trail,
            erased_list=self.folder.erased_list, years=self.settings.retention_years,
        )  # fmt: skip
        self.own_drugs = OwnDrugs(self.broker, self.trail)
        self.notices = Notices(self.presence, self.broker, clock=clock)
        self.modes = Modes(self.openings, self.notices, self.broker, self.trail, clock=clock, reader=reader)
        attempts = Attempts(clock)
        credentials = Credentials(self.writer, self.trail, attempts, reader=reader, clock=clock)
        self.sessions = Sessions(
            self.database, self.writer, self.trail, credentials, clock=clock, settings=self.settings, local_token=self.local_token
        )
        self.sessions.at_end(self.openings.close_session)
        self.sessions.at_end(lambda tx, session_id: tx.after_commit(lambda: self.broker.publish([Event("session", session_id)])))
        self.sessions.at_hand_over(self.openings.hand_over)
        self.sessions.at_hand_over(lambda tx, session_id, _: tx.after_commit(lambda: self.broker.publish([Event("session", session_id)])))
        self.sessions.at_move(self.presence.move)
        self.accounts = Accounts(
            self.sessions, credentials, self.writer, self.trail, reader=reader, clock=clock, settings=self.settings, practice=self.practice
        )
        self.second_factors = SecondFactors(
            self.sessions, credentials, self.writer, self.trail, reader=reader, database_key=key, practice=self.practice
        )
        self.second_factor_pages = SecondFactorPages(self.second_factors, settings=self.settings, practice=self.practice)
        self.signing_in = SigningIn(
            self.sessions, credentials, self.second_factors, self.writer, self.trail, clock=clock, settings=self.settings
        )
        self.places = Places(self.sessions, self.broker, self.trail)
        self.devices = DeviceRegister(self.sessions, attempts, self.writer, self.broker, self.trail, require_setup=self.modes.require_setup)
        self.advisor = EditionAdvisor(self.edition, today=self.today)
        face = Face(version=miz.__version__, pages={SecondFactorRecentNeededError.code: self.second_factor_pages.ask_for_recent})
        # Apart from all else: its own connections, its own gate, its own routes (ADR 0011).
        self.viewer = Viewer(
            self.viewing.reader, listening=self.broker.listening, advisor=self.advisor, clock=clock, today=self.today,
            practice=self.practice, face=face, record=record_unexpected,
        )  # fmt: skip
        self._app = build_app(self.endpoints(), gate=self.sessions, face=face, record=record_unexpected)
        self._door = for_known_hosts(self._enter, answers_to=self.certificates.answers_to, face=face)

    def endpoints(self) -> list[Endpoint]:
        """Every route of this server, hot ones first: the router walks the list in order."""
        reader = self.database.reader
        described = [
            *OpeningRoutes(self.openings, self.writer).endpoints(),
            *MovingRoutes(self.moving, self.presence, self.writer).endpoints(),
            *DraftRoutes(self.drafts, self.presence, self.writer, self.trail).endpoints(),
            *OwnDrugRoutes(self.own_drugs, self.writer, reader=reader, preset=lambda: self.advisor.usual_drugs(language="de")).endpoints(),
            *ApplicationRoutes(self.openings, self.modes, self.notices, self.writer, reader=reader).endpoints(),
            *PatientRoutes(
                self.records, self.memory, self.writer, self.trail, holder_of=self.openings.holder_of, reader=reader, today=self.today
            ).endpoints(),
            *ErasureRoutes(self.erasures, self.second_factors, self.trail, now=self.clock.now).endpoints(),
            *SessionRoutes(self.sessions, self.signing_in, reader=reader).endpoints(),
            *AccountRoutes(self.accounts, self.second_factors, reader=reader, clock=self.clock).endpoints(),
            *SecondFactorRoutes(self.second_factors).endpoints(),
            *PlaceRoutes(self.places, self.writer, reader=reader).endpoints(),
            *DeviceRoutes(self.devices, reader=reader, clock=self.clock, outside_setup=ModeForbidsError).endpoints(),
            *AuditRoutes(
                self.trail, self.writer, reader=reader, evidence_of=evidence_of, names=lambda: users.names_by_id(reader())
            ).endpoints(),
            *SystemRoutes(self.broker, describe=self.describe, is_ready=self.is_ready, health=self.health).endpoints(),
            *ModeRoutes(self.modes, self.writer, describe=self.describe).endpoints(),
            *CertificateRoutes(self.certificate_desk).endpoints(),
            *BackupRoutes(self.backups, self.restoration, self.second_factors, outside_setup=ModeForbidsError).endpoints(),
            *DatabaseRoutes(self.databases, self.care, reader=reader).endpoints(),
            *DrugRoutes(self.edition).endpoints(),
            *CheckRoutes(self.edition, read=self.read_record, today=self.today).endpoints(),
            *PaperRoutes(
                RecordDesk(self._desk, self.records, self.memory, self.writer), now=self.clock.now, edition=self.edition_ref
            ).endpoints(),
        ]
        if self.settings.api_docs:
            described.append(openapi_endpoint(described, title=f"miz: {self.practice}"))
        shown = gallery.endpoints(version=miz.__version__) if self.settings.gallery else []
        return [*described, *self._pages(), *help_pages.endpoints(version=miz.__version__), *shown, *assets.endpoints()]

    @cached_property
    def _desk(self) -> Desk:
        return Desk(
            openings=self.openings, modes=self.modes, trail=self.trail, reader=self.database.reader, today=self.today, practice=self.practice,
            idle_lock_min=self.settings.idle_lock_min, advisor=self.advisor, drafts=self.drafts, moving=self.moving,
            own_drugs=self.own_drugs,
        )  # fmt: skip

    def _pages(self) -> list[Endpoint]:
        reader, desk = self.database.reader, self._desk
        return [
            *FindPages(desk, self.records, self.writer).endpoints(),
            *PatientPages(desk, self.records, self.memory, self.writer).endpoints(),
            *DrugPages(desk, self.edition, today=self.today).endpoints(),
            *AccessPages(
                self.sessions, self.signing_in, reader=reader, practice=self.practice, session_h=self.settings.session_h
            ).endpoints(),
            *AccountPages(self.accounts, reader=reader, settings=self.settings, practice=self.practice).endpoints(),
            *self.second_factor_pages.endpoints(),
            *DevicePages(self.devices, reader=reader, practice=self.practice).endpoints(),
            *console_endpoints(self),
        ]

    def read_record(self, actor: Actor, patient_id: str, today: date) -> Patient:
        """The record as the actor may see it. Raises `PatientNotFoundError`."""
        record = queries.read_patient(self.database.reader(), self.memory, actor, patient_id, today)
        self.trail.note(actor, "read", patient_id)
        return record

    def today(self) -> date:
        """The day in the practice's time zone."""
        return self.clock.now().astimezone(PRACTICE_ZONE).date()

    def edition_ref(self) -> EditionRef:
        return self.edition.ref(self.today())

    def describe(self) -> ServerState:
        """Practice, versions, mode and intervals, as `GET /server` shows them."""
        announced = self.modes.announced
        return ServerState(
            practice=self.practice, version=miz.__version__, mode=self.modes.mode, heartbeat_interval_s=self.presence.interval_s,
            lease_s=self.presence.lease_s, edition=self.edition_ref(), changes_to="setup" if announced else None,
            changes_at=announced.at if announced else None, starts_in_operating=self.modes.starts_in_operating,
        )  # fmt: skip

    def is_ready(self) -> bool:
        """Whether the database answers."""
        try:
            if self.watch.look() is not None:
                return False
            return self.database.reader().execute(select(server_state.c.id)).scalar() == 1
        except Exception:  # noqa: BLE001 - any fault is the answer
            return False

    def health(self) -> Health:
        """What a monitor may know without a session."""
        practice = "unavailable" if not self.is_ready() else "damaged" if self.databases.is_damaged() else "open"
        return Health("ready", {"practice": practice, "knowledge": "open"}, self.backups.is_late())

    def at_giving_up(self, follow: Callable[[], None]) -> None:
        """Have `follow()` run, in a thread of the database, when this server may not go on; `reason_to_stop` says why."""
        self._at_giving_up = follow

    def _require_quiet(self) -> None:
        """Raise `ModeForbidsError` while others may work with this server; with a damaged database nobody is asked to."""
        if self.answers_others and not self.databases.is_damaged():
            self.modes.require_setup()

    def _begin_anew(self, follow: Callable[[], None]) -> None:
        self.begins_anew, self._last_act = True, follow
        self._at_giving_up()

    def _give_up(self, reason: Exception) -> None:
        self.reason_to_stop = reason
        self._at_giving_up()

    async def start(self) -> None:
        """Take up sessions, applications and leases; begin to write and to keep house."""
        self.writer.start()
        reader = self.database.reader()
        self.sessions.load()
        self.presence.load(reader)
        self.openings.load(self.database.reader)
        self.databases.tidy()
        self.backups.tidy()
        await self.databases.tell_of_loss(LOCAL)
        await self.erasures.load()
        self._backing_up = asyncio.create_task(self._keep_backups())
        self._housekeeping = asyncio.create_task(self._keep_house())
        self._watching = asyncio.create_task(self.watch.keep())

    async def stop(self) -> None:
        """End the streams, finish what waits in the writer."""
        self.broker.close()
        self._housekeeping.cancel()
        self._watching.cancel()
        self.backups.stop()
        try:
            await self.trail.catch_up(self.writer, is_closing=True)
        except Exception as error:  # noqa: BLE001 - the end comes all the same; what was recorded is sealed after the next start
            record_unexpected("audit trail", error)
        await asyncio.to_thread(self.writer.stop)

    def close(self) -> None:
        """Give the data folder back, after the last act where there is one; `fault_at_end` says why it did not succeed."""
        self.viewing.close()
        self.database.close()
        try:
            self._last_act()
        except MizError as error:
            self.fault_at_end = error
        finally:
            self._lock.release()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        """Started for the block, then stopped and closed."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()
            self.close()

    async def __call__(self, call: Call) -> Answer:
        """The application: every request that reaches this server."""
        return await self._door(call)

    async def _enter(self, call: Call) -> Answer:
        self.traffic.count(self.clock.steady_s())
        return await (self.viewer if call.path == "/viewer" or call.path.startswith("/viewer/") else self._app)(call)

    async def control_openings(self) -> None:
        """End the windows that have fallen silent or were warned long enough; enter a mode that was announced."""
        await self.modes.follow_announced(self.writer)
        if self.modes.mode == "operating" and self.presence.gone():
            await self.writer.run(self.openings.close_gone)
        if warned := self.notices.due():
            for application_id in warned:
                self.presence.disconnect(application_id)
            await self.writer.run(lambda tx: self.openings.close_applications(tx, warned))

    def verify_rows(self) -> list[str]:
        """What the audit trail and the rules of the practice say against the rows; empty when they are sound."""
        report = audit_queries.verify(
            self.database.reader(), public_key=self.trail.public_key, anchor=self.trail.read_anchor(), evidence_of=evidence_of
        )
        told = [f"audit trail: {finding.fault} {finding.entry_id or ''}".rstrip() for finding in report.findings]
        return told + broken_rules(self.database.reader())

    async def _keep_backups(self) -> None:
        """The nightly backup, after it the full check of the database, and its care."""
        try:
            if await self.backups.keep_up():
                await self.databases.check(LOCAL, is_full=True)
            await self.care.keep_up(LOCAL)
            await self.backups.keep_up_elsewhere()
        except Exception as error:  # noqa: BLE001 - the task's edge: told here, in the list of backups and in the console
            record_unexpected("nightly backup", error)

    async def look_after_certificate(self) -> None:
        """Renew the certificate when its time has come."""
        if await asyncio.to_thread(self.certificates.look_after):
            await self.writer.run(lambda tx: self.trail.record(tx, LOCAL, "certificate_renewed"))

    async def _keep_house(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            try:
                await self.databases.follow_suspicion(LOCAL)
                await self.control_openings()
                await self.sessions.end_expired()
                await self.sessions.store_locks()
                if self.trail.has_work:
                    await self.trail.catch_up(self.writer)
                if self.erasures.has_rest and not self.backups.is_running:  # which reads an old state, and with it the log
                    await self.erasures.empty_log()
                if self._backing_up.done():
                    self._backing_up = asyncio.create_task(self._keep_backups())
                rounds += 1
                if rounds % _ROUNDS_BETWEEN_CLEARING == 1:
                    await self.writer.run(forget_old_answers)
                    await self.writer.run(self.drafts.forget_old)
                    await self.look_after_certificate()
            except DatabaseUnavailableError:
                pass  # the watch tells of it; what was to be done is done next time
            except Exception as error:  # noqa: BLE001 - the loop's edge: told, and tried again next time
                record_unexpected("housekeeping", error)


def open_restored(folder: DataFolder, settings: Settings) -> None:
    """Open a restored folder as its server would and read records from all over it. Raises `BackupUnsoundError` and what opening raises."""
    with contextlib.closing(Server(folder, settings)) as restored:
        reader = restored.database.reader()
        if restored.verify_rows():
            raise BackupUnsoundError("The rows of the backup are not such as the program writes, or its audit trail is not sound.")
        ids = queries.all_patient_ids(reader)
        for patient_id in ids[:: len(ids) // _RECORDS_READ + 1]:
            queries.read_patient(reader, restored.memory, LOCAL, patient_id, restored.today())


def set_up_practice(
    folder: DataFolder, settings: Settings, *, practice: str, owner: str, owner_roles: list[str], password: str, places: dict[str, bool],
    follow: Callable[[Records, Transaction], None] | None = None,
) -> str:  # fmt: skip
    """Make a new practice with its first owner, workplaces (name → is it a room) and the twelve sample patients.

    With `follow`, which adds more, the practice counts as set up; else its owner is led through the first steps.
    Returns the recovery key. Raises `PracticeExistsError`, `WeakPasswordError`, `InvalidInputError`, `UnsafeDataFolderError`.
    """
    check_password_rule(password, owner, practice)
    refuse_taken(settings)
    recovery_key = folder.create(settings)
    lock = InstanceLock(folder.instance_lock)
    key = folder.read_key(settings)
    database = PracticeDatabase(source_of(folder, settings, key))
    trail = AuditTrail(clock=SystemClock(), seed=signing_seed(key), anchor_file=folder.audit_anchor)
    try:
        bring_up_to_date(database.writer_connection)
        asyncio.run(_fill(database, trail, settings, practice, owner, owner_roles, password, places, follow))
    finally:
        database.close()
        lock.release()
    return recovery_key


async def _fill(
    database: PracticeDatabase, trail: AuditTrail, settings: Settings, practice: str, owner: str, owner_roles: list[str], password: str,
    places: dict[str, bool], follow: Callable[[Records, Transaction], None] | None,
) -> None:  # fmt: skip
    clock = SystemClock()
    writer = Writer(database, clock=clock)
    password_hash = await PasswordDesk().hash(password)
    records = Records(RecordMemory(), EventBroker(), trail, today=lambda: clock.now().astimezone(PRACTICE_ZONE).date())

    def fill(tx: Transaction) -> None:
        tx.connection.execute(
            server_state.insert().values(
                id=1, practice=practice, epoch=1, control_interval_s=settings.control_interval_s, is_set_up=follow is not None
            )
        )
        users.add_user(tx, name=owner, roles=owner_roles, password_hash=password_hash)
        for name, is_room in places.items():
            set_up_workplace(tx, name, is_room=is_room)
        trail.record(tx, LOCAL, "practice_set_up")
        for sample in SAMPLE_PATIENTS:
            records.create_patient(tx, LOCAL, NewPatient(**sample.identity, is_sample=True), sample.entries)
        if follow is not None:
            follow(records, tx)

    writer.start()
    try:
        await writer.run(fill)
        await trail.catch_up(writer, is_closing=True)
    finally:
        await asyncio.to_thread(writer.stop)


def settle_restored(folder: DataFolder, settings: Settings, above: int = 0, erased: Sequence[str] = ()) -> None:
    """Make a restored practice one of its own: an epoch beyond its last one and `above`, so that what was open before is refused, nobody
    signed in, the patients `erased` since erased again, and an entry in the trail.
    """
    key = folder.read_key(settings)
    database = PracticeDatabase(source_of(folder, settings, key))
    trail = AuditTrail(clock=SystemClock(), seed=signing_seed(key), anchor_file=folder.audit_anchor)
    try:
        upgrade(database.writer_connection, key, folder)
        asyncio.run(_settle(Writer(database, clock=SystemClock()), trail, above, erased))
    finally:
        database.close()


async def _settle(writer: Writer, trail: AuditTrail, above: int, erased: Sequence[str]) -> None:
    def settle(tx: Transaction) -> None:
        begin_epoch(tx.connection, above)
        end_every_session(tx)
        trail.record(tx, LOCAL, "practice_restored")
        erase_again(tx, trail, LOCAL, erased)

    writer.start()
    try:
        await writer.run(settle)
        await trail.catch_up(writer, is_closing=True)
    finally:
        await asyncio.to_thread(writer.stop)


def data_folder(path: Path) -> DataFolder:
    """The folder as given, absolute."""
    return DataFolder(path.expanduser().absolute())
