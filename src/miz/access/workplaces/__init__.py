"""Rooms, and the workplaces in them: a workplace is a desk or chair with a computer, a room may have several.

What is in use is not removed; what was written at a workplace keeps the name it had then.
"""
