"""How an error looks to a person: its sentences in their language, and its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from miz.infra.http import Call, Reply
from miz.ui import i18n
from miz.ui.render import ZONE, Look, render

LANGUAGE_COOKIE, THEME_COOKIE = "miz_language", "miz_theme"
SIGN_IN_CODES = {"not-signed-in": "/sign-in", "screen-locked": "/locked"}


def look_of(call: Call) -> Look:
    """The language and theme a browser asks for."""
    theme = call.cookie(THEME_COOKIE)
    return Look(i18n.language_of(call.header("accept-language"), call.cookie(LANGUAGE_COOKIE)), theme if theme in ("light", "dark") else "system")


@dataclass(frozen=True)
class ProblemPage:
    """What happened, what is safe, what to do."""

    template: ClassVar[str] = "problem.html"
    title: str
    detail: str
    hint: str
    code: str
    request_id: str


class Face:
    """The error face of the browser pages and the JSON routes; see `infra.http.ErrorFace`."""

    def __init__(self, *, version: str) -> None:
        self._version = version

    def sentence(self, message_id: str, fields: Mapping[str, object], call: Call) -> str:
        language = look_of(call).language
        text = i18n.translator(language)(message_id)
        return text.format(**{name: _shown(value, language) for name, value in fields.items()}) if fields else text

    def page(self, problem: Mapping[str, Any], call: Call) -> Reply:
        """A page for a person who asked for one; whoever is not signed in is led to where they can."""
        place = SIGN_IN_CODES.get(problem["code"])
        if place and call.scope["method"] == "GET" and call.header("hx-request") is None:
            return Reply(status=303, headers=[("location", place)])
        shown = ProblemPage(
            title=problem["title"], detail=problem["detail"], hint=problem.get("hint", ""), code=problem["code"],
            request_id=str(problem.get("request_id", "")),
        )  # fmt: skip
        return Reply(render(shown, look_of(call), version=self._version), problem["status"])


def _shown(value: object, language: str) -> object:
    if isinstance(value, datetime):
        return i18n.format_moment(value, language, ZONE, now=datetime.now(UTC))
    return value


