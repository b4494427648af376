"""What the audit trail refuses."""

from miz.kernel.errors import MizError


class AuditTrailBrokenError(MizError):
    """The verification of the audit trail has findings."""

    code = "audit-trail-broken"
    title = "The audit trail is not to be trusted: {count} findings."
    kind = "integrity"
    hint = "Leave everything as it is, keep a copy of the data folder, and tell the person responsible for data protection."


class AuditTrailFullError(MizError):
    """More reads wait for the database than may be kept in memory; nothing is shown that could not be noted."""

    code = "audit-trail-waiting"
    title = "Reading is not possible at the moment, because it cannot be recorded."
    kind = "unavailable"
    hint = "The database does not accept writes. Tell the technician."
