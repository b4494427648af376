"""Benchmarks, each against a peer in the same run: `dev.py bench`."""
