"""How an error looks to a person: in their language; as a page, or as a notice within the page that asked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from miz.infra.http import Call, Reply
from miz.ui import i18n
from miz.ui.render import ZONE, Look, render

_PATH = re.compile(r"/(?!/)[!-\[\]-~]*")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The notice: what happened, what is safe, what to do."""

    template: ClassVar[str] = "_problem.html"
    title: str
    detail: str
    hint: str
    code: str
    request_id: str


@dataclass(frozen=True, kw_only=True)
class ProblemPage(Problem):
    """The same as a page of its own."""

    template: ClassVar[str] = "problem.html"


class Face:
    """Errors for persons; see `infra.http.ErrorFace`. `pages` answer problems of their code, such as one that asks for something."""

    def __init__(self, *, version: str, pages: Mapping[str, Callable[[Call], Reply]] | None = None) -> None:
        self._version = version
        self._pages = pages or {}

    def sentence(self, message_id: str, fields: Mapping[str, object], call: Call) -> str:
        """The sentence in the caller's language; its `{fields}` filled in."""
        language = look_of(call).language
        words = {name: _shown(value, language) for name, value in fields.items()}
        translated = i18n.translator(language)(message_id)
        try:
            return translated.format(**words)
        except (KeyError, IndexError, ValueError):
            return translated

    def page(self, problem: Mapping[str, Any], call: Call) -> Reply:
        """A notice for a request from within a page; else a page. Without a session: the way to the sign-in page."""
        status: int = problem["status"]
        code: str = problem["code"]
        shown = {name: str(problem.get(name, "")) for name in ("title", "detail", "hint", "code", "request_id")}
        headers = [("miz-problem", code), ("vary", "HX-Request")]
        if status in (429, 503):
            headers.append(("retry-after", str(problem.get("retry_after_s", 1))))
        look = look_of(call)
        if call.header("hx-request"):
            headers += [("hx-retarget", "#notice"), ("hx-reswap", "innerHTML"), ("hx-push-url", "false")]
            return Reply(render(Problem(**shown), look), status, headers=headers)
        if status == 401 and call.method == "GET":
            gate = "/locked" if code == "screen-locked" else "/sign-in"
            return Reply(b"", 303, headers=[("location", f"{gate}?next={quote(call.path)}")])
        if code in self._pages:
            return self._pages[code](call)
        return Reply(render(ProblemPage(**shown), look, version=self._version), status, headers=headers)


def look_of(call: Call) -> Look:
    """Language and theme as this browser wants them."""
    theme = call.cookie("miz_theme")
    return Look(
        language=i18n.language_of(call.header("accept-language"), call.cookie("miz_language")),
        theme=theme if theme in ("light", "dark") else "system",
    )


def safe_next(path: str | None) -> str:
    """A path of this server to go on to; anything else becomes the first page. Browsers drop tabs and line ends and take a backslash for a slash."""
    return path if path and _PATH.fullmatch(path) else "/"


def _shown(value: object, language: str) -> object:
    return value.astimezone(ZONE).strftime("%H:%M") if isinstance(value, datetime) else value
