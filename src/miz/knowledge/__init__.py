"""The drug data: its tables (`tables/`), the compiler that checks them and writes an edition, and what is asked of it.

- The tables are the source; an edition is built from them and never edited.
- An edition is one plain SQLite file, opened immutable; the same tables give the same bytes.
- A name that is not sure is never chosen: it is suggested.
"""
