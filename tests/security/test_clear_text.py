"""Promise D12: what people typed lies nowhere on the disk as clear text, whatever the server was doing and wherever it was killed.

One folder holds all that the processes may write to: data folder, targets of backups and moves, restored practice, temporary folder,
what they printed. Every file below it is searched, also while the work goes on. Files of a PostgreSQL server lie elsewhere.
"""

import contextlib
import http.client
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyrage
import pytest

from miz.backup.model import Backup
from miz.infra.api_client import ApiClient, HttpSender
from miz.infra.data_folder import DataFolder
from miz.infra.keys import groups_of, identity_of
from tests.practice.web.visitor import Visitor
from tests.support.postgres import postmaster, programs
from tests.support.practice import PASSWORD, ServerProcess, client_of, is_on_server, new_practice, recovery_key

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TYPED = {
    "family_name": "Klartextnäme", "given_name": "Vornamenprobe", "number": "NR-7351-QX", "insurance_number": "Q735190246", "medication": "Prüfpillin 7351 mg",
    "note": "zerkaut sie heimlich", "reaction": "Quaddeln am Ohrläppchen", "text": "Schwiegersohn holt sie ab", "draft": "halb getippter Satz",
    "later": "erst nach der Sicherung",
}  # fmt: skip
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
TRIES = 5
GIVEN_UP = (OSError, http.client.HTTPException)


class Site:
    """A practice in processes of its own, and the folder that all of them write to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary, self.backups, self.moved = root / "temporary", root / "backups", root
        self.temporary.mkdir()
        self.backups.mkdir()
        self.folder = new_practice(root)
        self.needles = needles([*TYPED.values(), PASSWORD, recovery_key().strip(), *groups_of(recovery_key())[:-1]])
        self.server = self.server_of(self.folder)

    def server_of(self, folder: DataFolder) -> ServerProcess:
        return ServerProcess(folder, **self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {"TMPDIR": str(self.temporary), **({"MIZ_POSTGRES_PROGRAMS": str(programs())} if is_on_server() else {})}

    @property
    def local(self) -> ApiClient:
        """The command line of the folder's owner."""
        control = self.folder.read_control()
        assert control is not None
        return ApiClient(HttpSender(control.url), token=control.token)

    def found(self) -> list[str]:
        return found_below(self.root, self.needles)

    def while_at(self, work: Callable[[], Any]) -> Any:
        """Do the work and search meanwhile, again and again."""
        with at_work(work) as (thread, answers):
            while thread.is_alive():
                assert self.found() == []
        assert self.found() == []
        return answers[0]

    def killed_at(self, work: Callable[[], Any]) -> None:
        """Do the work until a file of it has come, kill the server there, search, and start it again. Work that was faster is done once more."""
        for _ in range(TRIES):
            before = {path for path, _ in files_below(self.root)}
            with at_work(work) as (thread, answers):
                while not scratch_files(self.root, before) and thread.is_alive():
                    pass
                self.server.kill()
            assert self.found() == []
            self.server.start()
            assert self.found() == []
            if isinstance(answers[0], GIVEN_UP):
                return
        pytest.fail("it was never killed before it was done")

    def move(self) -> Any:
        """The practice's database to a folder that was not there before."""
        self.moved = Path(tempfile.mkdtemp(prefix="moved-", dir=self.root))
        return self.local.call("POST", "/databases/practice/move", {"folder": str(self.moved)})


def needles(texts: Sequence[str]) -> dict[bytes, str]:
    """What is searched for, and what it is."""
    return {text.encode(encoding): f"{text} ({encoding})" for text in texts for encoding in ENCODINGS}


def files_below(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file and what it holds; one that goes away meanwhile is passed over."""
    for folder, _, names in os.walk(root):
        for path in (Path(folder) / name for name in names):
            with contextlib.suppress(FileNotFoundError):
                yield path, path.read_bytes()


def found_below(root: Path, wanted: dict[bytes, str]) -> list[str]:
    """Where anything of it lies."""
    return [
        f"{path.relative_to(root)}: {what}" for path, content in files_below(root) for needle, what in wanted.items() if needle in content
    ]


def scratch_files(root: Path, before: set[Path]) -> list[Path]:
    """What has come since and holds something; the log of the database and what is put in place by renaming come at every write."""
    paths = (Path(folder) / name for folder, _, names in os.walk(root) for name in names if not name.endswith(("-wal", "-shm", ".new")))
    return [path for path in paths if path not in before and has_content(path)]


def has_content(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size > 0
    return False


@contextlib.contextmanager
def at_work(work: Callable[[], Any]) -> Iterator[tuple[threading.Thread, list[Any]]]:
    """Work in a thread; its list then holds the answer, or why there is none."""
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(work())
        except GIVEN_UP as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread, answers
    finally:
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    with made.server:
        yield made


def typed_in(site: Site) -> str:
    """Everything that people type, by the ways they type it; returns the patient."""
    client = client_of(site.server.url)
    identity = {name: TYPED[name] for name in ("family_name", "given_name", "number", "insurance_number")}
    patient_id = client.create_patient(birth_date="1948-03-12", sex="female", **identity).id
    token = client.open_patient(patient_id).fencing_token
    entry = client.add("medication", patient_id, token, idempotency_key="einmal", text=TYPED["medication"])
    client.change("medication", patient_id, entry.id, token, note=TYPED["note"])
    client.add("allergies", patient_id, token, text="Penicillin", reaction=TYPED["reaction"], onset="immediate")
    client.add("notes", patient_id, token, text=TYPED["text"])
    client.keep_draft(patient_id, "add-note", text=TYPED["draft"])
    assert [line.id for line in client.search(TYPED["family_name"])] == [patient_id]
    client.evaluate(patient_id, ["Extraktion 36"])
    client.release_patient(patient_id)
    return patient_id


def restoring(site: Site, file: str, name: str) -> subprocess.Popen[bytes]:
    """The command that brings a practice back on a new machine, begun. The recovery key comes by a pipe: its file is not one of the program's."""
    target = site.root / name
    url = postmaster().url(postmaster().new_database()) if is_on_server() else ""
    if url:
        target.mkdir()
        (target / "database-url").write_text(url)
    reading, writing = os.pipe()
    os.write(writing, recovery_key().encode())
    os.close(writing)
    own = {"MIZ_KEY_FILE": str(target / "practice" / "test.key"), "MIZ_DATABASE_URL": url}
    command = [
        sys.executable,
        "-m",
        "miz",
        "backup",
        "restore",
        file,
        "--data",
        str(target / "practice"),
        "--recovery-key",
        f"/dev/fd/{reading}",
    ]
    begun = subprocess.Popen(command, env=os.environ | site.environment | own, pass_fds=[reading], stdout=subprocess.DEVNULL)
    os.close(reading)
    return begun


@pytest.mark.slow
def test_nothing_that_was_typed_lies_on_the_disk_as_it_was_typed(site: Site) -> None:
    patient_id = typed_in(site)
    owner = Visitor(site.server.url).sign_in()
    assert owner.post("/console/first-steps/sheet", {"recovery_key": recovery_key()}).content.startswith(b"%PDF-")
    assert owner.get(f"/patients/{patient_id}/papers/evaluation").content.startswith(b"%PDF-")
    assert site.found() == []

    made = site.while_at(lambda: site.local.call("POST", "/backups", {"to": str(site.backups)}, answer=Backup))
    assert Path(made.file).parent == site.backups
    assert made.rehearsed
    site.while_at(lambda: site.local.call("POST", f"/backups/{made.id}/rehearsal"))
    site.killed_at(lambda: site.local.call("POST", f"/backups/{made.id}/rehearsal"))
    client = client_of(site.server.url)
    client.add("notes", patient_id, client.open_patient(patient_id).fencing_token, text=TYPED["later"])
    site.killed_at(lambda: site.local.call("POST", "/backups", {"to": str(site.backups)}))
    if not is_on_server():
        site.while_at(lambda: site.local.call("POST", "/databases/practice/compaction"))
        site.killed_at(lambda: site.local.call("POST", "/databases/practice/compaction"))
        site.killed_at(site.move)
        site.while_at(site.move)
        assert site.folder.database.parent == site.moved
        site.killed_at(lambda: site.local.call("POST", "/databases/practice/compaction"))
    assert client_of(site.server.url).read_patient(patient_id).notes[-1].text == TYPED["later"]
    assert site.server.stop() == 0
    assert site.found() == []

    before = {path for path, _ in files_below(site.root)}
    cut_off = restoring(site, made.file, "cut-off")
    while not [path for path in scratch_files(site.root, before) if path.name != "database-url"]:
        assert cut_off.poll() is None
    cut_off.send_signal(signal.SIGKILL)
    assert cut_off.wait() == -signal.SIGKILL
    assert site.found() == []
    whole = restoring(site, made.file, "new")
    while whole.poll() is None:
        assert site.found() == []
    assert whole.returncode == 0
    with site.server_of(DataFolder(site.root / "new" / "practice")) as restored:
        assert client_of(restored.url).read_patient(patient_id).family_name == TYPED["family_name"]
        assert site.found() == []
    assert site.found() == []


def test_what_lies_there_in_clear_is_found(site: Site) -> None:
    typed_in(site)
    site.server.stop()
    assert site.found() == []
    for place, encoding in ((site.folder.path / "run" / "x", "utf-8"), (site.temporary / "x", "utf-16"), (site.backups / "x", "utf-16-be")):
        place.write_bytes(b"\x00" * 4_097 + f"…{TYPED['text']}…".encode(encoding))
    assert len(site.found()) == 3


@pytest.mark.sqlite_only("pg_dump packs what it writes; that a database server's backup holds the rows is tested by restoring it")
def test_inside_of_the_encryption_it_is_there(site: Site) -> None:
    """Else the search would prove nothing: the same needles are found once the backup is opened with the recovery key."""
    typed_in(site)
    made = site.local.call("POST", "/backups", answer=Backup)
    packed = pyrage.decrypt(Path(made.file).read_bytes(), [identity_of(recovery_key())])
    with tarfile.open(fileobj=io.BytesIO(zstd.decompress(packed))) as members:
        practice = members.extractfile("practice.db")
        assert practice is not None
        content = practice.read()
    assert [name for name, text in TYPED.items() if text.encode() not in content] == ["later"]
