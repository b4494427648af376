"""Devices: browsers that are paired once with a code and known by a token of their own from then on.

- A *display* belongs to a room and shows what is open there; a *workplace* stands for a desk.
- Of token and code only hashes are stored; a code works once, for ten minutes, and is issued in setup mode.
- Who pairs a device anew takes the token from whoever had it; a revoked device is nobody in the same moment.
"""
