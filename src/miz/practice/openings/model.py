"""What a lease is. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may write to a patient, by which token, since when."""

    patient_id: str
    application_id: str
    fencing_token: str
    acquired_at: datetime
