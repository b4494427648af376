"""The root of all errors that a user, a program or a script may see.

An error knows what happened (`detail`), what to do (`hint`) and whose turn it is (`kind`); it knows no HTTP and no
terminal. `infra.http` and `apps.cli` each map `kind` once. Sentences are English message ids of the catalogues and
may hold `{fields}`; they never hold patient data.
"""

import re
from typing import ClassVar, Literal

Kind = Literal[
    "invalid",
    "unauthenticated",
    "forbidden",
    "not_found",
    "conflict",
    "stale",
    "precondition",
    "busy",
    "unavailable",
    "integrity",
]

EXIT_CODES: dict[Kind, int] = {
    "invalid": 10, "unauthenticated": 11, "forbidden": 11, "not_found": 12, "conflict": 13,
    "stale": 14, "precondition": 14, "busy": 15, "unavailable": 15, "integrity": 17,
}  # fmt: skip


class MizError(Exception):
    """What the program refuses, in words for the person or program that asked.

    `code` is stable and never translated; `fields` travel in the problem document and fill the sentences.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[Kind]
    hint: ClassVar[str] = ""

    def __init__(self, detail: str = "", **fields: object) -> None:
        self.detail = detail or self.title
        self.fields = fields
        super().__init__(self.code)

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this error (10 to 17)."""
        return EXIT_CODES[self.kind]


class InvalidInputError(MizError):
    """The request cannot be understood or breaks a rule; `field` names the place."""

    code = "invalid-input"
    title = "The entry is not valid."
    kind = "invalid"
    hint = "Nothing was saved. Correct the entry and send it again."


def misfit(reason: str) -> InvalidInputError:
    """The error for what a structure's check says: `field` is the outermost field that the reason names."""
    named = re.search(r"\$\.(\w+)|field `(\w+)`", reason)
    return InvalidInputError("The entry does not fit: {reason}", reason=reason, field=(named[1] or named[2]) if named else None)


class UnparsableInputError(InvalidInputError):
    """The body is not JSON or not of the promised shape."""

    code = "unparsable-input"
    title = "The request cannot be read."


class NotSignedInError(MizError):
    """There is no session, or it has ended."""

    code = "not-signed-in"
    title = "You are not signed in."
    kind = "unauthenticated"
    hint = "Sign in again. What you have typed stays on this device."


class NotPermittedError(MizError):
    """The session's roles do not allow this."""

    code = "not-permitted"
    title = "Your role does not permit this."
    kind = "forbidden"
    hint = "Ask the practice owner or the administrator."


class NotFoundError(MizError):
    """There is no such thing, or it is not for this session."""

    code = "not-found"
    title = "This does not exist."
    kind = "not_found"


class DatabaseUnavailableError(MizError):
    """The database cannot store or read at the moment; nothing of the request was stored."""

    code = "database-unavailable"
    title = "The database does not answer at the moment."
    kind = "unavailable"
    hint = "Nothing was saved. Try again; if it stays so, tell the technician."
