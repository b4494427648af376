"""The schema of the practice database, step by step. Forward only; a released step is never edited."""
