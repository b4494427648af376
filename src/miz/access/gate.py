"""What the pages before and beside the work have in common: errors in words, the answer, the way on."""

from urllib.parse import urlsplit

import miz
from miz.access.sessions import COOKIE
from miz.infra.http import STATUS_OF, Call, Reply, authority_of
from miz.kernel.errors import MizError
from miz.ui.face import look_of, safe_next
from miz.ui.i18n import translator
from miz.ui.render import Page, render

_GATES = {"/sign-in", "/sign-in/code", "/second-factor", "/locked", "/change-user", "/first-password", "/account", "/pair"}


def words_of(call: Call, error: MizError | None, field: str) -> tuple[dict[str, str], str]:
    """What happened, by field, and what to do, in the language of the browser."""
    if error is None:
        return {}, ""
    translate = translator(look_of(call).language)
    return {field: translate(error.detail)}, translate(error.hint) if error.hint else ""


def way_back(call: Call) -> str:
    """The page to go on to afterwards: the one named, else the one this request comes from."""
    named = call.form.get("next") if call.raw_body else call.query.get("next")
    referer = call.header("referer") or ""
    if named or authority_of(referer) != call.header("host") or (path := urlsplit(referer).path) in _GATES:
        return safe_next(named)
    return safe_next(path)


def gate_reply(page: Page, call: Call, error: MizError | None = None) -> Reply:
    """The page, with the status of the error it tells of."""
    return Reply(render(page, look_of(call), version=miz.__version__), STATUS_OF[error.kind] if error else 200)


def go_to(path: str, *headers: tuple[str, str]) -> Reply:
    """On to another page with GET."""
    return Reply(b"", 303, headers=[("location", path), *headers])


def session_cookie(token: str, age_s: int, call: Call) -> tuple[str, str]:
    """The header that has the browser keep the session's token, or with an empty one forget it."""
    return call.kept_cookie(COOKIE, token, age_s)
