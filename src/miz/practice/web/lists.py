"""Two lists of the dentist: patients to look through, and the practice's own drugs."""

from dataclasses import dataclass
from typing import ClassVar

from miz.access.roles import SIGN_OFF
from miz.infra.db.writer import Writer
from miz.infra.http import STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import InvalidInputError
from miz.practice.patients import queries
from miz.practice.web.forms import field_errors
from miz.practice.web.frame import Desk, Frame, go_to, reply
from miz.practice.web.record import page
from miz.ui.face import look_of
from miz.wire.client_protocol import ReviewLine


@dataclass(frozen=True, kw_only=True)
class ReviewsPage:
    """Patients whose record was changed since it was last looked through."""

    template: ClassVar[str] = "reviews.html"
    frame: Frame
    lines: list[ReviewLine]


@dataclass(frozen=True, kw_only=True)
class OwnDrugsPage:
    """The practice's own drugs, one a line."""

    template: ClassVar[str] = "own_drugs.html"
    frame: Frame
    text: str
    errors: dict[str, str]


class DentistLists:
    """The pages, bound to one server's parts."""

    def __init__(self, desk: Desk, writer: Writer) -> None:
        self._desk = desk
        self._writer = writer

    def endpoints(self) -> list[Endpoint]:
        return [
            page("GET", "/reviews", SIGN_OFF, self.show_reviews, "Patients to look through"),
            page("GET", "/own-drugs", SIGN_OFF, self.show_own_drugs, "The practice's own drugs"),
            page("POST", "/own-drugs", SIGN_OFF, self.change_own_drugs, "Change the practice's own drugs"),
        ]

    async def show_reviews(self, call: Call) -> Reply:
        self._desk.trail.note(call.person, "searched")
        return reply(ReviewsPage(frame=self._desk.frame(call.person), lines=queries.reviews(self._desk.reader())), call)

    async def show_own_drugs(self, call: Call) -> Reply:
        return self._own_drugs(call, "\n".join(self._desk.preferred_drugs(look_of(call).language)))

    async def change_own_drugs(self, call: Call) -> Reply:
        """Keep the list; an empty one means the preset list again."""
        text = "" if call.form.get("is_preset") else call.form.get("text", "")
        try:
            await self._writer.run(lambda tx: self._desk.own_drugs.replace(tx, call.person, text.splitlines()))
        except InvalidInputError as error:
            return self._own_drugs(call, text, error)
        return go_to("/own-drugs")

    def _own_drugs(self, call: Call, text: str, error: InvalidInputError | None = None) -> Reply:
        errors = {"text": next(iter(field_errors(error, call).values()))} if error else {}
        shown = OwnDrugsPage(frame=self._desk.frame(call.person), text=text, errors=errors)
        return reply(shown, call, STATUS_OF[error.kind] if error else 200)
