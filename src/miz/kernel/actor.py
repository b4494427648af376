"""Who acts: the signed-in user at a workplace, as every write and every permission needs to know."""

from msgspec import Struct


class Actor(Struct, frozen=True):
    """The person (or the command line) behind a request. `workplace` is the name shown to others.

    `device_id` is set where the session began at a registered workplace.
    """

    user_id: str
    user: str
    roles: frozenset[str]
    session_id: str
    workplace_id: str | None = None
    workplace: str = ""
    room: str | None = None
    device_id: str | None = None

    @property
    def place(self) -> str:
        """Where others will look for this person: the room, else the workplace."""
        return self.room or self.workplace
