"""Backups of a practice: made while people work, restored once before they count as good, brought back whole (ADR 0019)."""
