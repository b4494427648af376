"""The help pages: one text per topic and language, open to everybody, also without a session. And what each error means."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from miz.infra.http import EVERYBODY, STATUS_OF, Call, Endpoint, Reply
from miz.kernel.errors import MizError, NotFoundError
from miz.ui.face import look_of
from miz.ui.i18n import N_, translator
from miz.ui.render import Page, render

# A topic's text stands in `templates/help/<language>/<topic>.html`.
TOPICS: dict[str, str] = {
    "first-steps": N_("First steps"),
    "patients": N_("Find and open a patient"),
    "in-use": N_("In use, asking and taking over"),
    "medication": N_("Record the medication"),
    "anamnesis": N_("Medical history and allergies"),
    "evaluation": N_("Read the evaluation"),
    "legend": N_("Reading aid to print"),
    "viewer": N_("Set up a Viewer"),
    "modes": N_("Operating mode and registration mode"),
    "users": N_("Users, codes and PIN"),
    "connection": N_("When the connection is missing"),
    "trust": N_("Trust the server"),
    "recovery-key": N_("Keep the recovery key"),
    "backups": N_("Backups and the database"),
    "databases": N_("Look after the databases"),
    "erasure": N_("Erase patients"),
    "audit": N_("Audit trail"),
    "keys": N_("Keys"),
}


@dataclass(frozen=True, kw_only=True)
class HelpPage:
    """One topic beside the list of all; without a topic, the list itself."""

    template: ClassVar[str] = "help.html"
    topics: Mapping[str, str]
    topic: str


@dataclass(frozen=True, kw_only=True)
class ErrorPage:
    """What one kind of error means, where its address leads: `/problems/<code>`."""

    template: ClassVar[str] = "error_help.html"
    code: str
    title: str
    hint: str
    status: int


def endpoints(*, version: str) -> list[Endpoint]:
    """The routes of the help."""

    def shown(page: Page, call: Call) -> Reply:
        return Reply(render(page, look_of(call), version=version))

    def titles(call: Call) -> dict[str, str]:
        translate = translator(look_of(call).language)
        return {topic: translate(title) for topic, title in TOPICS.items()}

    async def show_topics(call: Call) -> Reply:
        return shown(HelpPage(topics=titles(call), topic=""), call)

    async def show_topic(call: Call) -> Reply:
        topic = call.params["topic"]
        if topic not in TOPICS:
            raise NotFoundError
        return shown(HelpPage(topics=titles(call), topic=topic), call)

    async def show_error(call: Call) -> Reply:
        error = known_errors().get(call.params["code"])
        if error is None:
            raise NotFoundError
        translate = translator(look_of(call).language)
        title, hint = (re.sub(r"\{\w+\}", "…", translate(text)) if text else "" for text in (error.title, error.hint))
        return shown(ErrorPage(code=error.code, title=title, hint=hint, status=STATUS_OF[error.kind]), call)

    routes = {
        "/help": (show_topics, "The topics of the help"),
        "/help/{topic}": (show_topic, "A topic of the help"),
        "/problems/{code}": (show_error, "What an error means"),
    }
    return [
        Endpoint(method="GET", path=path, may=EVERYBODY, run=run, summary=summary, is_page=True, is_open_while_locked=True)
        for path, (run, summary) in routes.items()
    ]


def known_errors() -> dict[str, type[MizError]]:
    """Every error of the program by its code."""
    return {error.code: error for error in _all_errors(MizError) if "code" in vars(error)}


def _all_errors(error: type[MizError]) -> Iterator[type[MizError]]:
    for special in error.__subclasses__():
        yield special
        yield from _all_errors(special)
