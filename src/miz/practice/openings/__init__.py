"""Exclusive openings: which application may write to which patient, and since when.

- Leases are rows and survive a restart; signs of life are kept in memory only.
- A patient has at most one lease, an application at most one patient.
- Every opening and every release gives the patient a new fencing token, so that a token works while its lease does
  and never again. Time only decides when a lease is taken away; safety rests on the token.
"""
