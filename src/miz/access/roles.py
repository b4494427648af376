"""Which role may do what; the table of `reliability.md` section 4, as far as it is built.

A user has a set of roles and may do what any of them may. `device`, `display` and `local` are no persons; `local` is
the command line of whoever owns the data folder.

Two marks of that table are not about roles. 2: a recent code of the second factor; the endpoints that ask for one are wrapped in
`second_factor.service.SecondFactors.with_recent_code`. 4: a second person; `practice.erasure` asks for one where there is one.
"""

ROLES = ("dentist", "assistant", "front_desk", "owner", "admin", "technician", "auditor")

_TREATING = frozenset({"dentist", "assistant", "owner", "local"})

SIGNED_IN = frozenset({*ROLES, "local"})
RUN_APPLICATION = SIGNED_IN - {"auditor"}
SEARCH_PATIENTS = _TREATING | {"front_desk"}
READ_PATIENT = _TREATING | {"front_desk"}
WRITE_IDENTITY = _TREATING | {"front_desk"}
READ_RECORD = _TREATING
WRITE_RECORD = _TREATING
SIGN_OFF = frozenset({"dentist", "owner", "local"})
"""Confirms that a record was looked through, and overrides a contraindication."""
TAKE_OVER = _TREATING
END_LEASE = frozenset({"owner", "admin", "local"})
EVALUATE = SIGNED_IN - {"auditor"}
SEE_APPLICATIONS = frozenset({"owner", "admin", "dentist", "local"})
SEND_MESSAGES = frozenset({"owner", "admin", "local"})
CHANGE_MODE = frozenset({"owner", "admin", "local"})
NEEDS_SECOND_FACTOR = frozenset({"owner", "admin", "technician"})
"""Who is reminded of setting one up; it is open to everybody."""
READ_USERS = frozenset({"owner", "admin", "auditor", "local"})
MANAGE_USERS = frozenset({"owner", "admin", "local"})
SEE_CONSOLE = frozenset({"owner", "admin", "technician"})
MANAGE_PLACES = frozenset({"owner", "admin", "local"})
MANAGE_DEVICES = frozenset({"owner", "admin", "local"})
OWN_ACCOUNT = frozenset(ROLES)
PRINT_PATIENT = _TREATING
EXPORT_PATIENTS = frozenset({"local"})
"""One patient also on paper, see `PRINT_PATIENT`; the whole file only for whoever owns the folder."""
ERASE = frozenset({"owner", "local"})
"""Asks for the erasure of a patient, and sees whose retention is over."""
CONFIRM_ERASURE = frozenset({"owner", "dentist", "local"})
"""Erases what was asked for; where two persons have one of these roles, another one than the one who has asked."""
READ_DATABASES = frozenset({"owner", "admin", "technician", "local"})
CARE_FOR_DATABASES = frozenset({"owner", "admin", "technician", "local"})
MOVE_DATABASE = frozenset({"owner", "admin", "local"})
"""Names folders of the server's computer."""
READ_BACKUPS = frozenset({"owner", "admin", "technician", "auditor", "local"})
RUN_BACKUP = frozenset({"owner", "admin", "technician", "local"})
PLAN_BACKUPS = frozenset({"owner", "admin", "local"})
RESTORE_BACKUP = frozenset({"owner", "admin", "local"})
SEND_BACKUP = frozenset({"local"})
"""Names folders of the server's computer."""
READ_AUDIT = frozenset({"owner", "admin", "auditor", "local"})
RENEW_AUDIT_ANCHOR = frozenset({"owner", "local"})
READ_CERTIFICATE = frozenset({"owner", "admin", "technician", "local"})
MANAGE_CERTIFICATE = frozenset({"owner", "admin", "local"})
BRING_CERTIFICATE = frozenset({"local"})
"""The site's own certificate comes with its key, which travels no network."""
