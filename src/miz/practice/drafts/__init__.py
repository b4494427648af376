"""Drafts: what somebody has typed into a form and not saved, kept by the server so that it outlives the window's lease.

- A draft is not the record: it is written without a fencing token, on purpose, because it is needed just when a token
  has ended; and nothing evaluates it. Only a window that has the patient open, or had it open last, keeps drafts of it.
- While its window has the patient open it is nobody else's business; afterwards both sides are offered it.
- It goes when its form was saved, when somebody discards it, or after seven days.
"""
