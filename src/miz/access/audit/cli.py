"""`miz audit`: show, verify and export the audit trail, and renew its file outside of the database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from miz.access.audit.errors import AuditTrailBrokenError
from miz.access.audit.model import AuditLines, AuditSearch, ChainPart, Report
from miz.infra.api_client import ApiClient
from miz.infra.command_line import CommandLine, Data, Json, out, show_json
from miz.infra.files import write_whole
from miz.ui.i18n import translator


def register(app: typer.Typer, here: CommandLine) -> None:
    """Add `audit` to the command line."""
    audit_app = typer.Typer(no_args_is_help=True, help="The audit trail: who read or changed what.")
    app.add_typer(audit_app, name="audit")

    def words() -> Callable[[str], str]:
        return translator(here.language())

    @audit_app.command("show")
    def show(
        data: Data,
        patient: Annotated[str | None, typer.Option(help="Only this patient, by id.", metavar="ID")] = None,
        user: Annotated[str | None, typer.Option(help="Only this user.", metavar="NAME")] = None,
        action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many entries.")] = 100,
        json: Json = False,
    ) -> None:
        """Who read or changed what; newest first."""
        wanted = AuditSearch(patient_id=patient, user=user, action=action, limit=limit)
        with here.client(data) as client:
            found = client.call("POST", "/audit/search", wanted, answer=AuditLines)
        if json:
            show_json(found)
            return
        for line in found.items:
            told = (f"{line.at:%Y-%m-%d %H:%M:%S}Z", line.user, line.place, line.action, line.patient_id, line.detail)
            out.print("  ".join(filter(None, told)), soft_wrap=True, markup=False)

    @audit_app.command("verify")
    def verify(data: Data, json: Json = False) -> None:
        """Verify the whole trail. Ends with 0 when it is sound, with 17 when it is not to be trusted."""
        with here.client(data) as client:
            report = client.call("POST", "/audit/verify", answer=Report)
        if json:
            show_json(report)
        else:
            for finding in report.findings:
                out.print(f"{finding.entry_id or ''}\t{finding.fault}", markup=False)
        if not report.ok:
            raise AuditTrailBrokenError(count=len(report.findings))
        if not json:
            out.print(words()("The audit trail is sound: {count} entries.").format(count=report.entries))

    @audit_app.command("export")
    def export(data: Data, to: Annotated[Path, typer.Option("--to", help="Write JSON Lines here.", metavar="FILE")]) -> None:
        """Write the whole trail with its hashes, so that others can compute it (docs/reference/audit.md)."""
        with here.client(data) as client:
            write_whole(to, _lines(client), is_private=True)
        out.print(words()("The audit trail is written to {file}.").format(file=to), soft_wrap=True)

    @audit_app.command("renew-anchor")
    def renew_anchor(data: Data) -> None:
        """Write the file outside of the database anew, as after it was lost. The trail keeps that this was done."""
        with here.client(data) as client:
            client.call("PUT", "/audit/anchor")
        out.print(words()("The file outside of the database was written anew; the audit trail says so."), soft_wrap=True)


def _lines(client: ApiClient) -> Iterator[bytes]:
    """The public key, then each entry, each checkpoint behind its entry."""
    part = client.call("GET", "/audit/chain?after=0", answer=ChainPart)
    yield msgspec.json.encode({"format": "miz-audit-1", "public_key": part.public_key}) + b"\n"
    while part.entries:
        checkpoints = {checkpoint.entry_id: checkpoint for checkpoint in part.checkpoints}
        for entry in part.entries:
            yield msgspec.json.encode({"entry": entry}) + b"\n"
            if entry.id in checkpoints:
                yield msgspec.json.encode({"checkpoint": checkpoints[entry.id]}) + b"\n"
        part = client.call("GET", f"/audit/chain?after={part.entries[-1].id}", answer=ChainPart)
