"""What the room `access` refuses."""

from miz.kernel.errors import InvalidInputError, MizError, NotFoundError, NotSignedInError


class WrongPasswordError(MizError):
    """User name and password do not fit together; which of the two is never said."""

    code = "wrong-password"
    title = "User name or password is not right."
    kind = "unauthenticated"
    hint = "Check capital letters and the keyboard language, then try again."


class WrongCodeError(MizError):
    """There is no such code for this user, or its time is over; which of the two is never said."""

    code = "wrong-code"
    title = "User name or code is not right."
    kind = "unauthenticated"
    hint = "A code works once, for seven days. Ask the administrator for a new one."


class WrongPinError(MizError):
    """Name and PIN do not fit, or the PIN rests."""

    code = "wrong-pin"
    title = "User name or PIN is not right."
    kind = "unauthenticated"
    hint = "A PIN works on a day on which its user has signed in with the password. After five wrong ones it rests until then."


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
    title = (
        "The password must have 15 to 200 characters, with a second factor at least 8, and must not be easy to guess, such as a name of the "
        "practice or a row of keys."
    )
    hint = "Several words in a row are easy to remember and long enough."


class PasswordTooShortAloneError(WrongPasswordError):
    """The password was chosen beside a second factor that was reset since."""

    code = "password-too-short-alone"
    title = "This password is long enough only together with a second factor, and there is none any more."
    hint = "Ask for a one-time code, with which you set a password of at least 15 characters."


class PasswordsDifferError(InvalidInputError):
    """The new password was typed in two ways."""

    code = "passwords-differ"
    title = "The new password was not typed the same both times."
    hint = "Nothing was changed. Type the new password twice."


class WeakPinError(InvalidInputError):
    """The PIN is no PIN or too easy to guess."""

    code = "weak-pin"
    title = "The PIN must have six digits, and not such that everybody tries first."
    hint = "Not one or two digits repeated, and not counted up or down."


class UnregisteredWorkplaceError(MizError):
    """A PIN counts only where the practice knows the device."""

    code = "workplace-not-registered"
    title = "The user can be changed by PIN at a registered workplace only."
    kind = "conflict"
    hint = "Sign out, then sign in with the password."


class SessionNotFoundError(NotFoundError):
    """The user has no session of this id."""

    code = "session-not-found"
    title = "You are not signed in there any more."


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


class WorkplaceExistsError(MizError):
    """There is a workplace of this name."""

    code = "workplace-exists"
    title = "There is a workplace of this name already."
    kind = "conflict"


class WorkplaceInUseError(MizError):
    """Somebody is signed in at the workplace, or a device stands for it."""

    code = "workplace-in-use"
    title = "The workplace is in use: somebody is signed in there, or a device is registered for it."
    kind = "conflict"
    hint = "End the session or revoke the device first."


class UnknownRoomError(NotFoundError):
    """There is no room of this name or id."""

    code = "room-not-found"
    title = "There is no room of this name."


class RoomExistsError(MizError):
    """There is a room of this name."""

    code = "room-exists"
    title = "There is a room of this name already."
    kind = "conflict"


class RoomInUseError(MizError):
    """A workplace or a display stands in the room."""

    code = "room-in-use"
    title = "The room is in use: a workplace stands in it, or a display is registered for it."
    kind = "conflict"
    hint = "Move the workplace or revoke the display first."


class UnknownWorkplaceError(NotFoundError):
    """There is no workplace of this name or id."""

    code = "workplace-not-found"
    title = "There is no workplace of this name."


class IdempotencyKeyReusedError(InvalidInputError):
    """The key was used for another request of the same user on the same route."""

    code = "idempotency-key-reused"
    title = "This idempotency key was used for another request."
    hint = "Use a new key for each new entry."
