"""Commands of the practice: patients, applications, mode and control interval."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from rich.table import Table

from miz.infra.command_line import CommandLine, Data, Json, out, show_json
from miz.infra.files import write_whole
from miz.kernel.errors import InvalidInputError
from miz.practice.erasure.model import Erasures, Reason
from miz.ui.i18n import translator
from miz.wire.client_protocol import PatientLine


def register(app: typer.Typer, here: CommandLine) -> None:
    """Add `patient`, `application`, `mode` and `interval` to the command line."""

    def words() -> Callable[[str], str]:
        return translator(here.language())

    _add_patients(app, here, words)
    _add_applications(app, here, words)
    _add_modes(app, here, words)


def _add_patients(app: typer.Typer, here: CommandLine, words: Callable[[], Callable[[str], str]]) -> None:
    patient_app = typer.Typer(no_args_is_help=True, help="Patients of a practice.")
    app.add_typer(patient_app, name="patient")

    @patient_app.command("list")
    def patient_list(data: Data, text: Annotated[str, typer.Argument(help="Name, date of birth or number.")], json: Json = False) -> None:
        """Find patients."""
        with here.client(data) as client:
            lines = client.search(text, 100)
        if json:
            show_json({"items": lines})
            return
        table = Table("Id", box=None)
        for column in ("Name", "Born", "Number"):
            table.add_column(words()(column))
        for line in lines:
            table.add_row(line.id, f"{line.family_name}, {line.given_name}", line.birth_date, line.number or "")
        out.print(table)

    @patient_app.command("show")
    def patient_show(patient: Annotated[str, typer.Argument(help="The patient's id.")], data: Data) -> None:
        """Show one record as JSON."""
        with here.client(data) as client:
            show_json(client.read_patient(patient))

    @patient_app.command("print")
    def patient_print(
        patient: Annotated[str, typer.Argument(help="The patient's id.")],
        data: Data,
        to: Annotated[Path, typer.Option("--to", help="Write the PDF here.", metavar="FILE")],
        paper: Annotated[
            Literal["evaluation", "anamnesis", "anamnesis-form", "letter"], typer.Option("--paper", help="Which paper.")
        ] = "evaluation",
    ) -> None:
        """Write a paper of one patient as PDF."""
        with here.client(data) as client:
            pdf = client.fetch("GET", f"/patients/{patient}/papers/{paper}")
        write_whole(to, pdf, is_private=True)
        out.print(words()("Written to {file}.").format(file=to), soft_wrap=True)

    @patient_app.command("export")
    def patient_export(
        data: Data,
        to: Annotated[Path, typer.Option("--to", help="Write JSON Lines here.", metavar="FILE")],
        patient: Annotated[str | None, typer.Argument(help="The patient's id.")] = None,
        everybody: Annotated[bool, typer.Option("--all", help="All patients.")] = False,
    ) -> None:
        """Write records in the open format (docs/reference/export.md)."""
        if (patient is None) == (not everybody):
            raise InvalidInputError("Name one patient or --all.")
        with here.client(data) as client:
            ids: list[str] = [patient] if patient else client.call("GET", "/patients")["items"]
            records = [client.read_patient(patient_id) for patient_id in ids]
        write_whole(to, b"".join(msgspec.json.encode(record) + b"\n" for record in records), is_private=True)
        out.print(words()("{count} records written to {file}.").format(count=len(records), file=to), soft_wrap=True)

    _add_erasures(patient_app, here, words)


def _add_erasures(patient_app: typer.Typer, here: CommandLine, words: Callable[[], Callable[[str], str]]) -> None:
    @patient_app.command("erasures")
    def patient_erasures(data: Data, json: Json = False) -> None:
        """Who waits for being erased, and whose retention is over."""
        with here.client(data) as client:
            found = client.call("GET", "/erasures", answer=Erasures)
        if json:
            show_json(found)
            return
        _ = words()
        for asked in found.requests:
            out.print(_line(asked.patient, _("requested by {user}").format(user=asked.requested_by)), soft_wrap=True)
        for due in found.due:
            out.print(_line(due.patient, _("last entry {day}").format(day=f"{due.last_entry_at:%Y-%m-%d}")), soft_wrap=True)
        if not found.requests and not found.due:
            out.print(_("Nobody waits for being erased, and every record has to be kept still."))

    @patient_app.command("erase")
    def patient_erase(
        patient: Annotated[str, typer.Argument(help="The patient's id.", metavar="ID")],
        data: Data,
        reason: Annotated[Reason, typer.Option(help="Why; retention_over only after the time for which records are kept.")],
        name: Annotated[str, typer.Option(help="Family name and given name of the patient, to confirm it.")],
    ) -> None:
        """Erase a patient for good; where two persons may, it waits for one of them, who confirms it in the console."""
        with here.client(data) as client:
            needs_second = client.call("GET", "/erasures", answer=Erasures).needs_second_person
            client.call("PUT", f"/patients/{patient}/erasure", {"reason": reason})
            if not needs_second:
                client.call("POST", f"/patients/{patient}/erasure/confirmation", {"name": name})
        if needs_second:
            out.print(words()("The erasure is requested. A practice owner or dentist confirms it in the console."), soft_wrap=True)
        else:
            out.print(words()("The patient is erased. Backups made before hold the record until they are let go."), soft_wrap=True)


def _line(patient: PatientLine, more: str) -> str:
    return f"{patient.id}  {patient.family_name}, {patient.given_name}  {patient.birth_date}  {more}"


def _add_applications(app: typer.Typer, here: CommandLine, words: Callable[[], Callable[[str], str]]) -> None:
    application_app = typer.Typer(no_args_is_help=True, help="Applications that are open.")
    app.add_typer(application_app, name="application")

    @application_app.command("list")
    def application_list(data: Data, json: Json = False) -> None:
        """Who is online, and where."""
        _ = words()
        with here.client(data) as client:
            found: dict[str, Any] = client.call("GET", "/applications")
        if json:
            show_json(found)
            return
        table = Table("Id", _("Workplace"), _("User"), _("Kind"), _("Patient"), _("Last sign of life"), box=None)
        for item in found["items"]:
            shown = (item["workplace"], item["user"], item["kind"], item["patient"] or "", item["last_sign_of_life"][:19] + "Z")
            table.add_row(item["id"], *shown)
        out.print(table)

    @application_app.command("message")
    def application_message(
        data: Data,
        text: Annotated[str, typer.Argument(help="What is to be shown, up to 500 characters.")],
        to: Annotated[str | None, typer.Option("--to", help="Id of one application.", metavar="ID")] = None,
        everybody: Annotated[bool, typer.Option("--all", help="All applications.")] = False,
    ) -> None:
        """Show a message in one window or in all."""
        if (to is None) == (not everybody):
            raise InvalidInputError("Name one application with --to, or --all.")
        with here.client(data) as client:
            client.call("POST", f"/applications/{to}/messages" if to else "/messages", {"text": text})
        out.print(words()("The message was sent."))

    @application_app.command("disconnect")
    def application_disconnect(
        data: Data,
        application: Annotated[str, typer.Argument(help="Id of the application.")],
        seconds: Annotated[int, typer.Option("--in", min=0, max=300, help="Seconds of notice.")] = 30,
    ) -> None:
        """End a window after a notice; its patient is freed, what was typed stays."""
        with here.client(data) as client:
            client.call("POST", f"/applications/{application}/disconnect", {"seconds": seconds})
        out.print(words()("The window will be disconnected in {seconds} s.").format(seconds=seconds))


def _add_modes(app: typer.Typer, here: CommandLine, words: Callable[[], Callable[[str], str]]) -> None:
    mode_app = typer.Typer(no_args_is_help=True, help="The server's mode: operating, or setup for registration and settings.")
    app.add_typer(mode_app, name="mode")

    @mode_app.command("show")
    def mode_show(data: Data, json: Json = False) -> None:
        """The mode the server works in."""
        with here.client(data) as client:
            found: dict[str, Any] = client.call("GET", "/server")
        if json:
            show_json({name: found.get(name) for name in ("mode", "changes_to", "changes_at", "starts_in_operating")})
        else:
            out.print(found["mode"])

    @mode_app.command("operating")
    def mode_operating(data: Data) -> None:
        """Patients can be opened; the control of openings runs."""
        _set_mode(data, "operating", now=True)

    @mode_app.command("setup")
    def mode_setup(
        data: Data, now: Annotated[bool, typer.Option("--now", help="Skip the notice of 30 seconds to the open windows.")] = False
    ) -> None:
        """No patient can be opened; devices register and the control interval changes."""
        _set_mode(data, "setup", now=now)

    def _set_mode(data: Path, mode: Literal["operating", "setup"], *, now: bool) -> None:
        with here.client(data) as client:
            # Without a running server nobody waits for a notice.
            found: dict[str, Any] = client.call(
                "PUT", "/server/mode", {"mode": mode, "now": now or not client.call("GET", "/applications")["items"]}
            )
        if found["mode"] == mode:
            out.print(mode)
        else:
            out.print(words()("All windows were told. The server goes to setup mode in 30 seconds."))

    @app.command("interval")
    def interval(
        data: Data,
        seconds: Annotated[str, typer.Argument(help="show, or the new number of seconds, 5 to 300.", metavar="show|SECONDS")],
        json: Json = False,
    ) -> None:
        """The control interval; it changes in setup mode only."""
        with here.client(data) as client:
            if seconds == "show":
                found: dict[str, Any] = client.call("GET", "/server")
            elif seconds.isdecimal():
                found = client.call("PUT", "/server/control-interval", {"seconds": int(seconds)})
            else:
                raise InvalidInputError("Write show, or a number of seconds.")
        if json:
            show_json({"heartbeat_interval_s": found["heartbeat_interval_s"], "lease_s": found["lease_s"]})
        else:
            out.print(found["heartbeat_interval_s"])
