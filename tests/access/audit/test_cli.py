"""`miz audit` on a practice whose server does not run."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import update

from miz.access.audit.tables import audit_entry
from miz.infra.data_folder import DataFolder
from tests.access.audit.test_trail import with_writer
from tests.apps.test_commands import miz
from tests.support.practice import new_practice

REFERENCE = Path(__file__).parents[3] / "docs/reference/audit.md"


@pytest.fixture
def practice(tmp_path: Path) -> DataFolder:
    return new_practice(tmp_path)


def test_a_sound_trail_ends_with_0(practice: DataFolder) -> None:
    done = miz("audit", "verify", "--data", practice.path, folder=practice.path, MIZ_LANG="de")
    assert done.stdout.startswith("Der Prüfpfad ist unversehrt: ")
    report = json.loads(miz("audit", "verify", "--json", "--data", practice.path, folder=practice.path).stdout)
    assert (report["ok"], report["findings"]) == (True, [])


def test_a_trail_not_to_be_trusted_ends_with_17_and_says_where(practice: DataFolder) -> None:
    with_writer(practice, update(audit_entry).where(audit_entry.c.id == 9).values(place="anderswo"))
    done = miz("audit", "verify", "--data", practice.path, folder=practice.path, status=17, MIZ_LANG="de")
    assert re.search(r"^9\s+altered$", done.stdout, re.MULTILINE)
    assert "Dem Prüfpfad ist nicht zu trauen" in done.stderr
    report = json.loads(miz("audit", "verify", "--json", "--data", practice.path, folder=practice.path, status=17).stdout)
    assert report["findings"] == [{"entry_id": 9, "fault": "altered"}]


def test_show_names_who_did_what(practice: DataFolder) -> None:
    told = json.loads(miz("audit", "show", "--limit", "5", "--json", "--data", practice.path, folder=practice.path).stdout)["items"]
    assert len(told) == 5
    patient_id = told[0]["patient_id"]
    lines = miz(
        "audit", "show", "--patient", patient_id, "--action", "created", "--data", practice.path, folder=practice.path
    ).stdout.splitlines()
    assert lines
    assert all(patient_id in line and "created" in line for line in lines)


def test_a_command_is_entered_with_the_account_it_runs_under(practice: DataFolder) -> None:
    miz("patient", "list", "Muster", "--data", practice.path, folder=practice.path, LOGNAME="jürgen")
    shown = miz("audit", "show", "--action", "searched", "--json", "--data", practice.path, folder=practice.path).stdout
    assert [line["user"] for line in json.loads(shown)["items"]] == ["local:jürgen"]


def test_the_documented_program_verifies_the_export(practice: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = re.search(r"```python\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
    assert program
    miz("audit", "export", "--to", tmp_path / "audit.jsonl", "--data", practice.path, folder=practice.path)
    monkeypatch.chdir(tmp_path)
    run = compile(program[1].replace("open(", "opened("), "audit.md", "exec")

    def opened(name: str, *, encoding: str) -> list[str]:
        return Path(name).read_text(encoding=encoding).splitlines()

    exec(run, {"opened": opened})
    lines = opened("audit.jsonl", encoding="utf-8")
    Path("audit.jsonl").write_text("\n".join([*lines[:7], lines[7].replace('"local"', '"nobody"'), *lines[8:]]), encoding="utf-8")
    with pytest.raises(AssertionError):
        exec(run, {"opened": opened})


def test_the_anchor_is_renewed_on_request(practice: DataFolder) -> None:
    practice.audit_anchor.unlink()
    miz("audit", "verify", "--data", practice.path, folder=practice.path, status=17)
    miz("audit", "renew-anchor", "--data", practice.path, folder=practice.path)
    miz("audit", "verify", "--data", practice.path, folder=practice.path)
