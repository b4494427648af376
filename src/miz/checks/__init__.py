"""The check: what a case means for the dental chair, by pure rules over one edition of the drug data.

- A line that was not understood is always reported; no answer ever says "safe".
- What is not checked yet is named where it would matter, never faked.
- The same case, edition and day give the same answer.
"""
