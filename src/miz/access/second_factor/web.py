"""Pages of the own second factor, and the page that asks for a recent code before something is done."""

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import segno

from miz.access.errors import TooManyAttemptsError, WeakPasswordError, WrongPasswordError
from miz.access.gate import gate_reply, go_to, way_back, words_of
from miz.access.roles import OWN_ACCOUNT
from miz.access.second_factor.errors import (
    NoSecondFactorError,
    SecondFactorActiveError,
    SecondFactorRecentNeededError,
    WrongSecondFactorError,
)
from miz.access.second_factor.model import SecondFactorSecret, SecondFactorState
from miz.access.second_factor.service import SecondFactors
from miz.infra.http import Call, Endpoint, Reply
from miz.infra.settings import Settings
from miz.kernel.errors import MizError
from miz.ui.face import safe_next

PAGE = "/account/second-factor"
# Fields of the asking page; all others belong to the form that had to wait.
_CODE, _RECOVERY_CODE = "second_factor_code", "second_factor_recovery_code"
_WAITING, _BACK = "second_factor_waiting", "second_factor_back"
_QUIET_MODULES = 4


@dataclass(frozen=True, kw_only=True)
class OwnPage:
    """Who looks at a page of the own account, and where."""

    practice: str
    user: str
    user_id: str
    idle_lock_min: int


@dataclass(frozen=True, kw_only=True)
class SecondFactorPage(OwnPage):
    """What there is, and what can be done to it. `done` names what was just changed."""

    template: ClassVar[str] = "second_factor.html"
    state: SecondFactorState
    done: str
    errors: dict[str, str]
    advice: str


@dataclass(frozen=True, kw_only=True)
class QrCode:
    """The dark modules as one path, in a square of `size` modules with its quiet zone."""

    path: str
    size: int


@dataclass(frozen=True, kw_only=True)
class SecondFactorSetUpPage(OwnPage):
    """The secret, once, and the field for the first code; after a wrong code only the field."""

    template: ClassVar[str] = "second_factor_set_up.html"
    secret: str
    qr_code: QrCode | None
    errors: dict[str, str]
    advice: str


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesPage(OwnPage):
    """Ten codes, shown in this answer only."""

    template: ClassVar[str] = "recovery_codes.html"
    codes: list[str]
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class RecentCodePage(OwnPage):
    """Asks for a code. `kept` are the fields of the form that waits, `waiting` where it goes to then, `back` where it came from."""

    template: ClassVar[str] = "recent_code.html"
    kept: list[tuple[str, str]]
    waiting: str
    back: str
    errors: dict[str, str]
    advice: str


class SecondFactorPages:
    """The pages, bound to one server's parts."""

    def __init__(self, second_factors: SecondFactors, *, settings: Settings, practice: str) -> None:
        self._second_factors = second_factors
        self._settings = settings
        self._practice = practice

    def endpoints(self) -> list[Endpoint]:
        def page(method: str, path: str, run: object, summary: str) -> Endpoint:
            return Endpoint(method=method, path=path, may=OWN_ACCOUNT, run=run, summary=summary, is_page=True)  # type: ignore[arg-type]

        return [
            page("GET", PAGE, self.show, "The own second factor"),
            page("POST", PAGE, self.begin, "Begin to set up a second factor"),
            page("POST", PAGE + "/activation", self.activate, "The first code of a new second factor"),
            page("POST", PAGE + "/recovery-codes", self.renew, "New recovery codes"),
            page("POST", PAGE + "/removal", self.remove, "Remove the own second factor"),
            page("POST", "/second-factor", self.confirm, "A recent code, then on with the form that waits"),
        ]

    async def show(self, call: Call) -> Reply:
        return self._page(call, done=call.query.get("done", ""))

    async def begin(self, call: Call) -> Reply:
        try:
            secret = await self._second_factors.begin(call.person, call.form.get("password", ""), call.address)
        except (WrongPasswordError, TooManyAttemptsError) as error:
            return self._page(call, "password", error)
        except SecondFactorActiveError as error:
            return self._page(call, error=error)
        return self._set_up_page(call, secret)

    async def activate(self, call: Call) -> Reply:
        try:
            made = await self._second_factors.activate(call.person, call.form.get("code", ""), call.address)
        except (WrongSecondFactorError, TooManyAttemptsError) as error:
            return self._set_up_page(call, error=error)
        except (NoSecondFactorError, SecondFactorActiveError) as error:
            return self._page(call, error=error)
        return self._codes_page(call, made.codes, is_new=True)

    async def renew(self, call: Call) -> Reply:
        try:
            made = await self._second_factors.renew_recovery_codes(call.person, call.form.get("code", ""), call.address)
        except (WrongSecondFactorError, TooManyAttemptsError) as error:
            return self._page(call, "code", error)
        except NoSecondFactorError as error:
            return self._page(call, error=error)
        return self._codes_page(call, made.codes, is_new=False)

    async def remove(self, call: Call) -> Reply:
        form = call.form
        try:
            await self._second_factors.remove(call.person, form.get("removal_password", ""), form.get("removal_code", ""), call.address)
        except (WrongPasswordError, WeakPasswordError, TooManyAttemptsError) as error:
            return self._page(call, "removal_password", error)
        except WrongSecondFactorError as error:
            return self._page(call, "removal_code", error)
        except NoSecondFactorError as error:
            return self._page(call, error=error)
        return go_to(f"{PAGE}?done=removed")

    async def confirm(self, call: Call) -> Reply:
        form = call.form
        code = form.get(_CODE, "").strip() or form.get(_RECOVERY_CODE, "")
        try:
            await self._second_factors.confirm(call.person, code, call.address)
        except (WrongSecondFactorError, TooManyAttemptsError) as error:
            return self._recent_code_page(call, safe_next(form.get(_WAITING)), error)
        # 307: the browser sends the form once more, with all its fields, to where it was going.
        return Reply(b"", 307, headers=[("location", safe_next(form.get(_WAITING)))])

    def ask_for_recent(self, call: Call) -> Reply:
        """The page in place of the problem `second-factor-recent-needed`; the form that was sent waits in it."""
        return self._recent_code_page(call, call.path, SecondFactorRecentNeededError())

    def _page(self, call: Call, field: str = "", error: MizError | None = None, *, done: str = "") -> Reply:
        errors, advice = words_of(call, error, field)
        page = SecondFactorPage(
            **self._around(call), state=self._second_factors.state(call.person), done=done, errors=errors, advice=advice
        )
        return gate_reply(page, call, error)

    def _set_up_page(self, call: Call, secret: SecondFactorSecret | None = None, *, error: MizError | None = None) -> Reply:
        errors, advice = words_of(call, error, "code")
        page = SecondFactorSetUpPage(
            **self._around(call), secret=_in_fours(secret.secret) if secret else "", qr_code=qr_code(secret.address) if secret else None,
            errors=errors, advice=advice,
        )  # fmt: skip
        return gate_reply(page, call, error)

    def _codes_page(self, call: Call, codes: list[str], *, is_new: bool) -> Reply:
        return gate_reply(RecoveryCodesPage(**self._around(call), codes=codes, is_new=is_new), call)

    def _recent_code_page(self, call: Call, waiting: str, error: MizError) -> Reply:
        is_asked = isinstance(error, SecondFactorRecentNeededError)
        errors, advice = words_of(call, None if is_asked else error, _CODE)
        fields = parse_qsl(call.raw_body.decode(errors="replace"), keep_blank_values=True)
        page = RecentCodePage(
            **self._around(call), kept=[field for field in fields if field[0] not in {_CODE, _RECOVERY_CODE, _WAITING, _BACK}],
            waiting=waiting, back=safe_next(call.form.get(_BACK)) if _BACK in call.form else way_back(call), errors=errors, advice=advice,
        )  # fmt: skip
        return gate_reply(page, call, error)

    def _around(self, call: Call) -> dict[str, Any]:
        person = call.person
        return {
            "practice": self._practice, "user": person.user, "user_id": person.user_id, "idle_lock_min": self._settings.idle_lock_min,
        }  # fmt: skip


def qr_code(text: str) -> QrCode:
    """The code as a path of an inline SVG: no file, no style, no script."""
    rows = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(border=_QUIET_MODULES)]
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    return QrCode(path="".join(dark), size=len(rows))


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
