"""Drafts: what somebody has typed into a form and not saved, kept by the server so that it outlives the window's lease.

- A draft is not the record: it is written without a fencing token, and nothing evaluates it.
- While its window has the patient open it is nobody else's business; afterwards both sides are offered it.
- It goes when its form was saved, when somebody discards it, or after seven days.
"""
