"""Erasing patients: after the time for which a record has to be kept, or by decision.

- Every table that belongs to a patient is found by its foreign keys, so a later one cannot be forgotten.
- Where two persons may erase, one asks and another confirms; the name is typed in any case.
- The audit trail keeps its chain: entries stay, what they commit to goes with its salts.
- Backups still hold the patient until the rule lets them go; the ids of the erased lie beside them and are erased again after a restore.
"""
