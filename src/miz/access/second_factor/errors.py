"""What the second factor refuses."""

from miz.kernel.errors import MizError


class SecondFactorNeededError(MizError):
    """The password was right, and the account asks for a code, too."""

    code = "second-factor-needed"
    title = "This account also asks for the code of its second factor."
    kind = "unauthenticated"
    hint = "Send the code that the authenticator app shows, or a recovery code, together with the password."


class WrongSecondFactorError(MizError):
    """The code is none of this moment, or was used before; which of the two is never said."""

    code = "wrong-second-factor"
    title = "This code is not right, or was used before."
    kind = "unauthenticated"
    hint = "Wait for the next code of the app and type that. If it is refused, too, compare the clocks of phone and server."


class SecondFactorRecentNeededError(MizError):
    """The last code of this session is too old for what is to be done."""

    code = "second-factor-recent-needed"
    title = "This asks for a code of your second factor from the last ten minutes."
    kind = "forbidden"
    hint = "Nothing was changed. Confirm with a code, then send the same again."


class SecondFactorActiveError(MizError):
    """There is one, and it is not replaced in passing."""

    code = "second-factor-active"
    title = "There is a second factor already."
    kind = "conflict"
    hint = "Remove it first, then set up the new one."


class NoSecondFactorError(MizError):
    """There is none, or setting it up was not begun."""

    code = "no-second-factor"
    title = "There is no second factor to do this with."
    kind = "conflict"
    hint = "Begin to set it up anew."
