"""What lies where in a practice's data folder.

`practice.db` the encrypted database · `server.json` who this server is · `database-key.age` the database key, wrapped
for the recovery key · `audit-anchor.json` where the audit trail was when it was signed last · `tls/` the certificates · `backups/` copies
from before an upgrade of the program · `run/` the instance lock, the address of a running server, the note of an upgrade that is under way.
"""

import contextlib
import json
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from miz.infra.files import write_whole
from miz.infra.keys import create_keys, identity_of, opens, read_key, recover_key
from miz.infra.settings import Settings, state_folder
from miz.kernel.errors import MizError, NotFoundError

IDENTITY = "server.json"
WRAPPED_KEY = "database-key.age"
AUDIT_ANCHOR = "audit-anchor.json"
ERASED_LIST = "erased.list"
_OF_A_DATABASE = ("", "-wal", "-shm", "-journal", ".scratch", ".scratch-journal")
_ELSEWHERE_NOT = {"database_file", "former_files", "coming_file", "audit_anchor_file"}
"""What the identity says about this folder alone."""


class NoPracticeError(NotFoundError):
    """The folder holds no practice."""

    code = "no-practice"
    title = "There is no practice in {folder}."
    hint = 'Set one up: miz init --data {folder} --practice "Name" --owner "Name"'


class PracticeExistsError(MizError):
    """The folder holds a practice already."""

    code = "practice-exists"
    title = "There is a practice in {folder} already."
    kind = "conflict"
    hint = "Choose an empty folder."


class Control(NamedTuple):
    """How the command line reaches the running server: address, token of this start, and the certificates to trust (PEM; empty without TLS)."""

    url: str
    token: str
    certificate: str


@dataclass(frozen=True)
class DataFolder:
    """One practice's folder on disk."""

    path: Path

    @property
    def database(self) -> Path:
        """The file with the rows: `practice.db` here, until the practice was moved or compacted."""
        named = self._read_identity().get("database_file") if self.has_practice else None
        return self.path / (named or "practice.db")

    def announce(self, database: Path) -> None:
        """Note that a copy is being made at this place, so that what a cut leaves there is known for ours."""
        self._write_identity({**self._read_identity(), "coming_file": str(database)})

    def point_to(self, database: Path, *, audit_anchor: bytes | None = None) -> None:
        """Have the practice use this file from now on; the one before it is kept and noted.

        With `audit_anchor`, that of a file with another trail, this one counts from the same moment on. Raises `OSError`; then the one
        before it counts, also after a restart.
        """
        before = self._identity.read_bytes()
        told, former = self._read_identity(), [*self.former_files, self.database]
        told.pop("coming_file", None)
        if audit_anchor is not None:
            former += [self.audit_anchor] if self.audit_anchor.exists() else []
            anchor = self._anchor_beside(database)
            write_whole(anchor, audit_anchor, is_private=True)
            told["audit_anchor_file"] = anchor.name
        place = str(database.relative_to(self.path)) if database.is_relative_to(self.path) else str(database)
        try:
            self._write_identity({**told, "database_file": place, "former_files": list(map(str, former))})
        except OSError:
            # The new name may stand there already, and only its way to the disk have failed.
            with contextlib.suppress(OSError):
                write_whole(self._identity, before)
            if self.database != database:
                raise

    def remove_announced(self) -> None:
        """Remove what a copy that was never switched to has left."""
        told = self._read_identity()
        if announced := told.pop("coming_file", None):
            file = Path(announced)
            anchor = self._anchor_beside(file)
            for left in (
                anchor,
                anchor.with_name(anchor.name + ".new"),
                *(file.with_name(file.name + ending) for ending in _OF_A_DATABASE),
            ):
                left.unlink(missing_ok=True)
            self._write_identity(told)

    @property
    def former_files(self) -> list[Path]:
        """The files that were used before, as far as nobody has let them go."""
        return [Path(name) for name in self._read_identity().get("former_files", ())]

    def let_go_former(self) -> None:
        """Remove the files that were used before."""
        for file in self.former_files:
            for left in (file.with_name(file.name + ending) for ending in _OF_A_DATABASE):
                left.unlink(missing_ok=True)
        self._write_identity({**self._read_identity(), "former_files": []})

    @property
    def instance_lock(self) -> Path:
        return self.path / "run" / "instance.lock"

    @property
    def control(self) -> Path:
        return self.path / "run" / "control.json"

    @property
    def audit_anchor(self) -> Path:
        """`audit-anchor.json` here, until the practice was brought back to a backup."""
        named = self._read_identity().get("audit_anchor_file") if self.has_practice else None
        return self.path / (named or AUDIT_ANCHOR)

    def _anchor_beside(self, database: Path) -> Path:
        return self.path / f"{database.name}.anchor"

    @property
    def certificates(self) -> Path:
        return self.path / "tls"

    @property
    def backups(self) -> Path:
        return self.path / "backups"

    @property
    def erased_list(self) -> Path:
        """The ids of the patients who were erased, beside the backups that still hold them."""
        return self.backups / ERASED_LIST

    @property
    def upgrade_note(self) -> Path:
        return self.path / "run" / "upgrade.json"

    @property
    def _identity(self) -> Path:
        return self.path / IDENTITY

    @property
    def _wrapped_key(self) -> Path:
        return self.path / WRAPPED_KEY

    @property
    def has_practice(self) -> bool:
        return self._identity.exists()

    def require_practice(self) -> None:
        """Raise `NoPracticeError` unless a practice lives here."""
        if not self.has_practice:
            raise NoPracticeError(folder=str(self.path))

    @property
    def is_on_server(self) -> bool:
        """Whether the rows of the practice are on a database server."""
        return bool(self._read_identity().get("database") == "postgresql")

    @property
    def server_id(self) -> str:
        """Who this server is; a practice keeps it through every restore."""
        return str(self._read_identity()["server_id"])

    @property
    def made_at(self) -> datetime:
        """When who this server is was written down last: at its making, or when the recovery key was entered or proved."""
        return datetime.fromtimestamp(self._identity.stat().st_mtime, UTC)

    @property
    def recovery_recipient(self) -> str:
        """The public half of the recovery key; empty where the key has not been entered since backups are encrypted for it."""
        return str(self._read_identity().get("recovery_recipient", ""))

    @property
    def recovery_key_proved_at(self) -> datetime | None:
        """When somebody last typed the recovery key, or groups of it, from paper; None where nobody has yet."""
        told = self._read_identity().get("recovery_key_proved_at")
        return datetime.fromisoformat(told) if told else None

    def note_recovery_key_proved(self, at: datetime) -> None:
        """Note that the recovery key is on paper. Only when is written down: whatever was made from the key would help to guess it."""
        self._write_identity({**self._read_identity(), "recovery_key_proved_at": at.isoformat()})

    def create(self, settings: Settings) -> str:
        """Make the folder and its keys; returns the recovery key. Raises `PracticeExistsError`."""
        if self._identity.exists() or self.database.exists():
            raise PracticeExistsError(folder=str(self.path))
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        server_id = str(uuid.uuid4())
        recovery_key = create_keys(self.key_file(server_id, settings), self._wrapped_key)
        database = "postgresql" if settings.database_url else "sqlite"
        self._write_identity(
            {"server_id": server_id, "database": database, "recovery_recipient": str(identity_of(recovery_key).to_public())}
        )
        return recovery_key

    def read_key(self, settings: Settings) -> bytes:
        """The database key, by the key file or, where it is lost, by the recovery key."""
        self.require_practice()
        key_file = self.key_file(self.server_id, settings)
        if settings.recovery_key_file and not key_file.exists():
            return recover_key(Path(settings.recovery_key_file).read_text(), self._wrapped_key, key_file)
        return read_key(key_file)

    def is_recovery_key(self, recovery_key: str) -> bool:
        """Whether the key on paper opens this practice; from then on backups are encrypted for it, too."""
        if not opens(recovery_key, self._wrapped_key):
            return False
        recipient = str(identity_of(recovery_key).to_public())
        if self.recovery_recipient != recipient:
            self._write_identity({**self._read_identity(), "recovery_recipient": recipient})
        return True

    def publish_control(self, url: str, token: str, certificate: bytes = b"") -> None:
        """Leave the address and the token of this start for the command line of the folder's owner."""
        content = {"url": url, "token": token, "pid": os.getpid(), "certificate": certificate.decode()}
        write_whole(self.control, json.dumps(content).encode(), is_private=True)

    def read_control(self) -> Control | None:
        """How the running server is reached, or None."""
        try:
            control = json.loads(self.control.read_text())
            return Control(str(control["url"]), str(control["token"]), str(control.get("certificate", "")))
        except (OSError, ValueError, KeyError):
            return None

    @property
    def identity_elsewhere(self) -> bytes:
        """Who this server is, for a folder in which the database lies at its usual place."""
        told = self._read_identity()
        return json.dumps({name: told[name] for name in told if name not in _ELSEWHERE_NOT}).encode()

    def _read_identity(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._identity.read_bytes())
        return found

    def _write_identity(self, told: dict[str, Any]) -> None:
        write_whole(self._identity, json.dumps(told).encode())

    @staticmethod
    def key_file(server_id: str, settings: Settings) -> Path:
        """Where the database key of that server lies."""
        return Path(settings.key_file) if settings.key_file else state_folder() / "miz" / f"{server_id}.key"
