"""The Viewer: what a display on the wall of a room shows. It reads, and nothing else (ADR 0011).

- Its modules import nothing that writes (import contract "viewer").
- It knows displays only, by their own cookie; nobody's session counts here, and a display is nobody anywhere else.
- It reads on connections of its own that the database opens read-only.
- What stands on the screen is true now, or says since when it may not be; after a minute of silence no patient is left in the page.
"""
