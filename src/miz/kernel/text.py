"""What texts of people may hold."""

import unicodedata


def has_control_character(text: str, *, allowed: str = "") -> bool:
    """Whether something stands in the text that nobody types and that moves a terminal's cursor or breaks a line of a log."""
    return any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in allowed for letter in text)
