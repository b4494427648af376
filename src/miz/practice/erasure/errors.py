"""What the erasure of a patient is refused for."""

from miz.kernel.errors import InvalidInputError, MizError


class ErasureNotRequestedError(MizError):
    """Nobody has asked for the erasure of this patient, or it was withdrawn."""

    code = "erasure-not-requested"
    title = "Nobody has requested the erasure of this patient."
    kind = "conflict"
    hint = "Request it first, with the reason."


class SecondPersonNeededError(MizError):
    """Who has asked for the erasure is not the one who confirms it."""

    code = "second-person-needed"
    title = "A second person has to confirm this erasure."
    kind = "forbidden"
    hint = "Another practice owner or dentist signs in and confirms it in the console."


class NameDiffersError(InvalidInputError):
    """What was typed to confirm the erasure is not the patient's name."""

    code = "name-differs"
    title = "This is not the name of the patient."
    hint = "Nothing was erased. Type family name and given name as they are shown."


class RetentionNotOverError(MizError):
    """The record has to be kept for longer, into the `year`."""

    code = "retention-not-over"
    title = "The record has to be kept into the year {year}."
    kind = "conflict"
    hint = "An erasure before needs another reason, and the duty to keep records may forbid it."


class ErasedListBrokenError(MizError):
    """The list of the erased patients beside the backups cannot be read, so a restore would bring them back."""

    code = "erased-list-broken"
    title = "The list of the erased patients cannot be read: {file}"
    kind = "integrity"
    hint = "Take the list from a copy of the backups. Without it, erased patients would come back."
