"""`miz certificate`: what the server shows to browsers, and what the other computers have to trust."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from miz.infra.certificates.names import CertificateState, OwnCertificate, Renewal, ServerNames
from miz.infra.command_line import CommandLine, Data, Json, out, read_secret, show_json
from miz.kernel.errors import InvalidInputError
from miz.ui.i18n import format_moment, translator

_ZONE = ZoneInfo("Europe/Berlin")
_NewAuthority = Annotated[
    bool, typer.Option("--new-authority", help="By a new authority, which every computer then has to trust once more.")
]


def register(app: typer.Typer, here: CommandLine) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(no_args_is_help=True, help="The certificate that the server shows to browsers.")
    app.add_typer(group, name="certificate")

    @group.command("show")
    def show(data: Data, json: Json = False) -> None:
        """Names, validity, and the fingerprint to compare at the other computers."""
        with here.client(data) as client:
            _tell(here, client.call("GET", "/certificate", answer=CertificateState), json=json)

    @group.command("renew")
    def renew(data: Data, new_authority: _NewAuthority = False, json: Json = False) -> None:
        """Make a new certificate now; the server does so by itself when a third of its life is left."""
        with here.client(data) as client:
            _tell(here, client.call("POST", "/certificate/renewal", Renewal(new_authority), answer=CertificateState), json=json)

    @group.command("use")
    def use(
        data: Data,
        certificate: Annotated[Path | None, typer.Argument(help="The site's certificate with its issuers, PEM.", metavar="CERT")] = None,
        key: Annotated[Path | None, typer.Argument(help="Its key, PEM, without a password.", metavar="KEY")] = None,
        local: Annotated[bool, typer.Option("--local", help="Back to the practice's own authority.")] = False,
        json: Json = False,
    ) -> None:
        """Show the site's own certificate. Everything is checked before anything changes."""
        if local is (certificate is not None and key is not None):
            raise InvalidInputError("Give the files of the certificate and its key, or --local.")
        brought = OwnCertificate(read_secret(certificate), read_secret(key)) if certificate and key else None
        with here.client(data) as client:
            if brought:
                state = client.call("PUT", "/certificate", brought, answer=CertificateState)
            else:
                state = client.call("DELETE", "/certificate", answer=CertificateState)
            _tell(here, state, json=json)

    @group.command("names")
    def names(
        data: Data,
        name: Annotated[
            list[str] | None, typer.Argument(help="Names and addresses of the server, such as miz.internal 192.168.1.10.")
        ] = None,
        found: Annotated[bool, typer.Option("--found", help="Those that the server finds by itself.")] = False,
        new_authority: _NewAuthority = False,
        json: Json = False,
    ) -> None:
        """Show the names by which other computers reach the server, or choose them."""
        with here.client(data) as client:
            if not name and not found:
                state = client.call("GET", "/certificate", answer=CertificateState)
            else:
                chosen = ServerNames([] if found else name or [], new_authority)
                state = client.call("PUT", "/certificate/names", chosen, answer=CertificateState)
        if json:
            show_json({"names": state.names, "missing": state.missing})
        else:
            out.print("\n".join(dict.fromkeys([*state.names, *state.missing])), markup=False)
            _tell_missing(here, state)


def _tell(here: CommandLine, state: CertificateState, *, json: bool) -> None:
    if json:
        show_json(state)
        return
    _ = translator(here.language())
    if state.valid_until is None or state.valid_from is None:
        out.print(
            _("There is no certificate yet. It is made when the server first starts for other computers: miz serve --host"), soft_wrap=True
        )
        return
    rows = [
        (_("Issued by"), state.issuer if state.kind == "own" else _("{issuer}, the practice's own authority").format(issuer=state.issuer)),
        (_("Names"), ", ".join(state.names)),
        (_("Valid until"), _day(here, state.valid_until)),
    ]
    if state.renews_at:
        rows.append((_("Renews itself on"), _day(here, state.renews_at)))
    if state.authority_until:
        rows.append((_("Authority valid until"), _day(here, state.authority_until)))
    for word, value in rows:
        out.print(f"{word}: {value}", soft_wrap=True, markup=False)
    out.print(_("Fingerprint (SHA-256), to compare at the other computers:"), soft_wrap=True)
    out.print(state.fingerprint, soft_wrap=True, markup=False)
    _tell_missing(here, state)


def _tell_missing(here: CommandLine, state: CertificateState) -> None:
    if state.missing and state.kind != "none":
        told = translator(here.language())("The certificate does not bear: {names}. A new one does: miz certificate renew --new-authority")
        out.print(told.format(names=", ".join(state.missing)), soft_wrap=True, markup=False)


def _day(here: CommandLine, moment: datetime) -> str:
    return format_moment(moment, here.language(), _ZONE, now=datetime.now(UTC))
