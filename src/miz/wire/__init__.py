"""Formats that two programs share. Pure: structures and their rules, no input or output."""
