"""miz: the practice server for medication information in dentistry."""

__version__ = "0.1.0"
