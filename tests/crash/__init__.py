"""Fault rigs: real processes, real signals. Short in the tests, long by `python3 dev.py crash`."""
