"""Who the patient is, to be changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from miz.access.roles import WRITE_IDENTITY
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError
from miz.practice.web import forms
from miz.practice.web.forms import IDENTITY_FIELDS, field_errors
from miz.practice.web.frame import go_to, reply
from miz.practice.web.record import PatientPage, RecordDesk, page
from miz.wire.client_protocol import PatientPatch


@dataclass(frozen=True, kw_only=True)
class IdentityPage(PatientPage):
    """The patient's own data as a form."""

    template: ClassVar[str] = "identity.html"
    values: Mapping[str, str]
    errors: dict[str, str]


class IdentityForm:
    """The form, bound to one server's parts."""

    def __init__(self, record_desk: RecordDesk) -> None:
        self._at = record_desk

    def endpoints(self) -> list[Endpoint]:
        return [
            page("GET", "/patients/{id}/identity", WRITE_IDENTITY, self.show, "Form for the patient's own data"),
            page("POST", "/patients/{id}/identity", WRITE_IDENTITY, self.change, "Change the patient's own data"),
        ]

    async def show(self, call: Call) -> Reply:
        record = self._at.record(call)
        return self._page(call, {name: getattr(record, name) or "" for name in IDENTITY_FIELDS})

    async def change(self, call: Call) -> Reply:
        try:
            identity = forms.identity_from(call.form)
            await self._at.patch(call, PatientPatch(**{name: getattr(identity, name) for name in IDENTITY_FIELDS}))
        except InvalidInputError as error:
            return self._page(call, call.form, error)
        return go_to(f"/patients/{call.params['id']}")

    def _page(self, call: Call, values: Mapping[str, str], error: InvalidInputError | None = None) -> Reply:
        shown = self._at.shown(call, self._at.record(call), "identity")
        errors = field_errors(error, call) if error else {}
        form = IdentityPage(**shown, values={**dict.fromkeys(IDENTITY_FIELDS, ""), **values}, errors=errors)
        return reply(form, call, STATUS_OF[error.kind] if error else 200)
