"""The database of the practice: one encrypted file, one writer, many readers (ADR 0002, ADR 0004)."""
