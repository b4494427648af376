"""A patient's record: identity, medication, allergies, conditions, observations, notes, and what was planned today.

- Texts are kept as they were typed.
- An entry is never removed: one made in error is marked so and leaves the record, not the history.
- `recorded`, `none known` and `not asked` are three states; only a person's answer leads to the second.
"""
