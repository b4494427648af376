"""The databases of a server looked after: their state, checked, compacted and moved while people work (`mission.md` job 1)."""
