"""JSON routes of the server's certificate."""

from miz.access.roles import BRING_CERTIFICATE, MANAGE_CERTIFICATE, READ_CERTIFICATE
from miz.apps.certificates.service import CertificateDesk
from miz.infra.certificates.names import CertificateState, OwnCertificate, Renewal, ServerNames
from miz.infra.certificates.refusals import (
    AuthorityLockedError,
    CertificateNotUsableError,
    OtherAuthorityNeededError,
    OwnCertificateError,
    WrongNameError,
)
from miz.infra.http import Call, Endpoint


class CertificateRoutes:
    """The routes, bound to one server's parts."""

    def __init__(self, desk: CertificateDesk) -> None:
        self._desk = desk

    def endpoints(self) -> list[Endpoint]:
        path, answer = "/api/v1/certificate", CertificateState
        return [
            Endpoint(
                method="GET", path=path, may=READ_CERTIFICATE, run=self.show, answer=answer,
                summary="What the server shows to browsers: names, validity, fingerprint.",
            ),
            Endpoint(
                method="PUT", path=path, may=BRING_CERTIFICATE, run=self.use_own, body=OwnCertificate, answer=answer,
                summary="Show the site's own certificate, after a complete check.",
                refuses=(CertificateNotUsableError,),
            ),
            Endpoint(
                method="DELETE", path=path, may=BRING_CERTIFICATE, run=self.use_local, answer=answer,
                summary="Back from the site's own certificate to the practice's own authority.",
                refuses=(AuthorityLockedError,),
            ),
            Endpoint(
                method="POST", path=path + "/renewal", may=MANAGE_CERTIFICATE, run=self.renew, body=Renewal, answer=answer,
                summary="A new certificate now, on request by a new authority.",
                refuses=(OwnCertificateError, AuthorityLockedError),
            ),
            Endpoint(
                method="PUT", path=path + "/names", may=MANAGE_CERTIFICATE, run=self.choose_names, body=ServerNames, answer=answer,
                summary="The names and addresses by which other computers reach the server; none = found by itself.",
                refuses=(WrongNameError, OtherAuthorityNeededError, AuthorityLockedError),
            ),
        ]  # fmt: skip

    async def show(self, call: Call) -> CertificateState:
        return self._desk.state()

    async def use_own(self, call: Call) -> CertificateState:
        return await self._desk.use_own(call.person, call.body.certificate, call.body.key)

    async def use_local(self, call: Call) -> CertificateState:
        return await self._desk.use_local(call.person)

    async def renew(self, call: Call) -> CertificateState:
        return await self._desk.renew(call.person, new_authority=call.body.new_authority)

    async def choose_names(self, call: Call) -> CertificateState:
        return await self._desk.choose_names(call.person, call.body.names, new_authority=call.body.new_authority)
