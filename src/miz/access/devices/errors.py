"""What the slice `devices` refuses."""

from miz.kernel.errors import MizError, NotFoundError


class WrongPairingCodeError(MizError):
    """There is no such code, it was used, or its time is over; which of these is never said."""

    code = "wrong-pairing-code"
    title = "This code is not right, or no longer valid."
    kind = "unauthenticated"
    hint = "A code works once, for ten minutes. Have a new one issued at the server."


class DeviceExistsError(MizError):
    """There is a device of this name."""

    code = "device-exists"
    title = "There is a device of this name already."
    kind = "conflict"
    hint = "Issue a code for that device, or choose another name."


class UnknownDeviceError(NotFoundError):
    """There is no device of this name or id, or it was revoked."""

    code = "device-not-found"
    title = "There is no device of this name."
