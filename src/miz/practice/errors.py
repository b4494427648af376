"""What the practice core refuses."""

from miz.kernel.errors import InvalidInputError, MizError, NotFoundError


class PatientNotFoundError(NotFoundError):
    """There is no such patient."""

    code = "patient-not-found"
    title = "This patient does not exist."


class EntryNotFoundError(NotFoundError):
    """The patient has no such entry."""

    code = "entry-not-found"
    title = "This entry does not exist."


class ApplicationNotFoundError(NotFoundError):
    """The application was never announced, has ended, or belongs to another session."""

    code = "application-not-found"
    title = "This application is not registered."
    hint = "Register the application again; what was typed stays on this device."


class ApplicationMissingError(MizError):
    """An opening needs to know which application opens."""

    code = "application-missing"
    title = "The header Miz-Application is missing."
    kind = "precondition"
    hint = "Send the id of the registered application."


class ViewersOpenNothingError(MizError):
    """A viewer shows; it never takes a lease."""

    code = "viewer-opens-nothing"
    title = "A viewer cannot open a patient for editing."
    kind = "forbidden"


class PatientOpenElsewhereError(MizError):
    """Another application has the patient open; `holder`, `workplace`, `since`, `until` say who."""

    code = "patient-open-elsewhere"
    title = "In use at {workplace} ({holder}) since {since}."
    kind = "conflict"
    hint = "You can read; changes are possible once it is released."


class ModeForbidsError(MizError):
    """The server's `mode` does not allow this; it `needs` the other one."""

    code = "mode-forbids"
    title = "The server's mode does not allow this."
    kind = "conflict"
    hint = "The owner or the administrator can change the mode in the console."


class PatientMergedError(MizError):
    """The record went into the record `into` of the same person."""

    code = "patient-merged"
    title = "This record was merged into another record of the same person."
    kind = "conflict"
    hint = "Open the other record. Merging can be undone there."


class ReasonMissingError(InvalidInputError):
    """A take-over by an assistant, or from the console, needs a reason."""

    code = "reason-missing"
    title = "Please give a reason."


class NobodyToAskError(MizError):
    """The patient is free, or open in the asking window itself."""

    code = "nobody-to-ask"
    title = "Nobody else has this patient open."
    kind = "conflict"
    hint = "Open the patient for editing."


class NobodyAskedError(MizError):
    """Nobody has asked for the patient, or the window does not have it open."""

    code = "nobody-asked"
    title = "Nobody has asked for this patient."
    kind = "conflict"


class AlreadyAskedForError(MizError):
    """Another window has asked first; `holder`, `workplace` say which."""

    code = "already-asked-for"
    title = "{workplace} ({holder}) has already asked for this patient."
    kind = "conflict"


class ApplicationDisconnectedError(ApplicationNotFoundError):
    """The application was disconnected from the console; it comes back only when its user wants it to."""

    code = "application-disconnected"
    title = "This window was disconnected from the server's console."
    hint = "Connect again when you go on working; what was typed stays on this device."


class FencingTokenMissingError(MizError):
    """A write came without the token of its lease."""

    code = "fencing-token-missing"
    title = "The header Miz-Fencing-Token is missing."
    kind = "precondition"
    hint = "Open the patient for editing first."


class StaleFencingTokenError(MizError):
    """The lease of this token has ended; somebody else may have written since."""

    code = "stale-fencing-token"
    title = "Your editing of this patient has ended."
    kind = "stale"
    hint = "Nothing was saved. What you have typed stays here: open the patient again and save."


class ImpossibleDateError(InvalidInputError):
    """A date that no calendar has, or that lies where it cannot."""

    code = "impossible-date"
    title = "This date does not exist: {value}"
    hint = "Write 12.03.1948, 03.1948 or 1948."


class TextTooLongError(InvalidInputError):
    """A text longer than its field."""

    code = "text-too-long"
    title = "This text is too long: {length} characters, {limit} are possible."
    hint = "Nothing was saved. Shorten the text and send it again."


class AllergiesRecordedError(MizError):
    """'None known' contradicts the allergies on record."""

    code = "allergies-recorded"
    title = "Allergies are recorded, so 'none known' cannot be set."
    kind = "conflict"
    hint = "Mark the recorded allergies as entered in error first."


class MedicationRecordedError(MizError):
    """'Takes nothing' contradicts the medication on record."""

    code = "medication-recorded"
    title = "Medication is recorded, so 'takes none' cannot be set."
    kind = "conflict"
    hint = "Stop the recorded medication first."


class NothingToRestoreError(MizError):
    """The entry has no former state."""

    code = "nothing-to-restore"
    title = "There is no former state of this entry."
    kind = "conflict"


class UnknownChangeError(NotFoundError):
    """The entry's history has no such change."""

    code = "change-not-found"
    title = "This change does not exist."


class SignedEntryError(MizError):
    """The entry was there when the record was signed off; only who signs off may say that it was wrong."""

    code = "signed-entry"
    title = "This entry was signed off. Only a dentist can mark it as entered in error or bring back a former state."
    kind = "forbidden"
    hint = "You can change or stop it; the dentist sees the change."


class UnknownMergeError(NotFoundError):
    """This record has no such merge, or it was undone."""

    code = "merge-not-found"
    title = "This merge does not exist or was undone."


class UnknownDraftError(NotFoundError):
    """There is no such draft; it may have been taken or discarded."""

    code = "draft-not-found"
    title = "This draft does not exist any more."


class TooManyDraftsError(MizError):
    """More unsaved forms than a page has."""

    code = "too-many-drafts"
    title = "Too many unsaved entries for one patient."
    kind = "conflict"
    hint = "Save or discard some of them."
