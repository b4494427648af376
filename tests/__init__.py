"""Tests mirror the source: `tests/<room>/...`; how they are run is `dev.py test`."""
