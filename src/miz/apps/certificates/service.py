"""What administrators do with the certificate, with an entry in the audit trail each."""

from collections.abc import Callable

from miz.access.audit.service import AuditTrail
from miz.infra.certificates.folder import Certificates
from miz.infra.certificates.names import CertificateState
from miz.infra.db.writer import Transaction, Writer
from miz.kernel.actor import Actor


class CertificateDesk:
    """The certificate of one server, for people. Every method raises what `Certificates` raises, and then nothing has changed."""

    def __init__(self, certificates: Certificates, writer: Writer, trail: AuditTrail) -> None:
        self._certificates = certificates
        self._writer = writer
        self._trail = trail

    def state(self) -> CertificateState:
        return self._certificates.state()

    def names(self) -> list[str]:
        """By which the server is to be reached from other computers."""
        return self._certificates.names

    async def renew(self, actor: Actor, *, new_authority: bool) -> CertificateState:
        action = "authority_renewed" if new_authority else "certificate_renewed"
        return await self._change(actor, action, lambda: self._certificates.renew(new_authority=new_authority))

    async def choose_names(self, actor: Actor, names: list[str], *, new_authority: bool) -> CertificateState:
        return await self._change(
            actor, "server_names_changed", lambda: self._certificates.choose_names(names, new_authority=new_authority)
        )

    async def use_own(self, actor: Actor, certificate: str, key: str) -> CertificateState:
        return await self._change(actor, "certificate_brought", lambda: self._certificates.use_own(certificate.encode(), key.encode()))

    async def use_local(self, actor: Actor) -> CertificateState:
        return await self._change(actor, "certificate_put_aside", self._certificates.use_local)

    async def _change(self, actor: Actor, action: str, change: Callable[[], None]) -> CertificateState:
        """The entry first: should it not be written, nothing changes."""

        def run(tx: Transaction) -> None:
            self._trail.record(tx, actor, action)
            change()

        await self._writer.run(run)
        return self.state()
