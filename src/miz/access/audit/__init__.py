"""The audit trail: who read or changed what, when and where, in a chain that shows tampering (ADR 0010).

- An entry is inserted in the transaction of what it tells of; both are stored, or neither.
- Reads are noted in memory and written within a second; the answer does not wait for them.
- Entries hold ids and codes, never a patient's name or anything that was recorded about one.
- What a write changed is committed to by a salted hash, so that it can be erased by law and the chain stays whole.
- Every hash covers the one before it. Checkpoints are signed; the newest lies in a file outside of the database.
"""
