"""The two modes of a server (`mission.md` job 2).

- *operating*: the control of openings runs.
- *setup*: it rests. No patient is open and none can be opened; devices register and the control interval changes.
- Entering setup ends all leases, after a notice of 30 seconds unless asked for at once; what was typed stays as drafts.
- The mode is a row that every opening reads in its own transaction, so none slips through while it changes.
"""
