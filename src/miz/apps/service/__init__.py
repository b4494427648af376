"""The server as a service of the operating system, which starts it with the machine and again after a fault (ADR 0016)."""
