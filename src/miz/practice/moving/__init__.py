"""What stands in the wrong record: an entry moves to the right patient, two records of one person become one.

- Each is one transaction under the fencing token of the record that is open; it happens whole or not at all.
- Nothing is removed: the history of both records says what went where, and both can be taken back.
- Nothing is merged by itself; similar records are a suggestion.
"""
