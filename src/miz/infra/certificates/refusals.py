"""What is wrong with a certificate, its key or its names, and what to do."""

from miz.kernel.errors import InvalidInputError, MizError


class CertificateNotUsableError(InvalidInputError):
    """A certificate of the site that browsers would refuse, or that its key does not fit."""

    code = "certificate-not-usable"
    title = "This certificate cannot be used."
    hint = "Nothing was changed."


class WrongNameError(InvalidInputError):
    """Not a name or an address that a certificate may bear."""

    code = "wrong-server-name"
    title = "This is no name and no address of a server: {name}"
    hint = "Give names such as miz.internal, or addresses such as 192.168.1.10."


class OwnCertificateError(MizError):
    """The server shows a certificate of the site, which it cannot renew."""

    code = "own-certificate"
    title = "This server shows the site's own certificate, which only its issuer renews."
    kind = "conflict"
    hint = "Take the new one: miz certificate use CERT KEY. Or go back to the practice's own authority: miz certificate use --local"


class OtherAuthorityNeededError(MizError):
    """The authority may not vouch for these names; a new one has to be trusted by every computer once more."""

    code = "other-authority-needed"
    title = "The practice's certificate authority may not vouch for: {names}"
    kind = "conflict"
    hint = "Give --new-authority to make a new one. Every computer then has to trust it once more."


class AuthorityLockedError(MizError):
    """The authority's key does not open with the database key."""

    code = "authority-locked"
    title = "The key of the practice's certificate authority cannot be opened."
    kind = "integrity"
    hint = "Make a new authority: miz certificate renew --new-authority. Every computer then has to trust it once more."
