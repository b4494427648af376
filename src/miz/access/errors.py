"""What the room `access` refuses."""

from miz.kernel.errors import InvalidInputError, MizError, NotFoundError, NotSignedInError


class WrongPasswordError(MizError):
    """User name and password do not fit together; which of the two is never said."""

    code = "wrong-password"
    title = "User name or password is not right."
    kind = "unauthenticated"
    hint = "Check capital letters and the keyboard language, then try again."


class TooManyAttemptsError(MizError):
    """More attempts than a person makes."""

    code = "too-many-attempts"
    title = "Too many attempts to sign in."
    kind = "busy"
    hint = "Wait one minute, then try again."


class UserDisabledError(WrongPasswordError):
    """The account is switched off, or was after too many failures; only the administrator sees which."""


class ScreenLockedError(NotSignedInError):
    """The session rests: nobody has touched it for a while. It goes on with the password of its user."""

    code = "screen-locked"
    title = "The screen is locked."
    hint = "Enter your password to go on. Nothing was lost."


class WeakPasswordError(InvalidInputError):
    """The password is too short or too easy to guess."""

    code = "weak-password"
    title = "The password must have 15 to 200 characters and must not be the name of the user or the practice."
    hint = "Several words in a row are easy to remember and long enough."


class UserExistsError(MizError):
    """There is a user of this name."""

    code = "user-exists"
    title = "There is a user of this name already."
    kind = "conflict"


class UnknownUserError(NotFoundError):
    """There is no user of this name."""

    code = "user-not-found"
    title = "There is no user of this name."


class LastOwnerError(MizError):
    """A practice without an owner could not be administered any more."""

    code = "last-owner"
    title = "The last owner cannot be switched off."
    kind = "conflict"


class UnknownWorkplaceError(NotFoundError):
    """There is no workplace of this name or id."""

    code = "workplace-not-found"
    title = "There is no workplace of this name."


class IdempotencyKeyReusedError(InvalidInputError):
    """The key was used for another request of the same user on the same route."""

    code = "idempotency-key-reused"
    title = "This idempotency key was used for another request."
    hint = "Use a new key for each new entry."
