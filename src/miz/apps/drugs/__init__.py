"""What the drug data say: a page per substance, the search over all of them, and what is in and what is not. Holds no patient data."""
