"""The practice core: patients and their records, the applications that are open, and who may write.

- At most one application holds a patient's lease.
- Every write shows the fencing token of that lease; the patient's row decides inside the writing transaction.
- Nothing is overwritten without its former state being kept.
"""
