"""The people of the tests at their places, and what they do before a test begins."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from miz.infra.api_client import ApiClient, HttpSender, RefusedError
from miz.wire.client_protocol import Patient
from tests.support.practice import ServerThread


@dataclass
class Surgery:
    """A dentist in room 1, an assistant in room 2, reception; each with an application of their own."""

    SEATS: ClassVar[dict[str, str]] = {"Dr. Prüfer": "Zimmer 1", "Fr. Assistenz": "Zimmer 2", "Fr. Empfang": "Empfang"}

    server: ServerThread
    clients: dict[str, ApiClient]
    numbers: Iterator[int]
    _further: list[ApiClient] = field(default_factory=list)

    @property
    def dentist(self) -> ApiClient:
        return self.clients["Dr. Prüfer"]

    @property
    def assistant(self) -> ApiClient:
        return self.clients["Fr. Assistenz"]

    @property
    def reception(self) -> ApiClient:
        return self.clients["Fr. Empfang"]

    def patient(self, **identity: Any) -> Patient:
        """A new patient whom no other test knows."""
        number = next(self.numbers)
        return self.dentist.create_patient(**{"family_name": f"Test{number}", "given_name": "Ina", "birth_date": "1950-01-02", **identity})

    def opened(self, **identity: Any) -> tuple[str, str]:
        """A new patient, open at the dentist's: id and token."""
        patient_id = self.patient(**identity).id
        return patient_id, self.dentist.open_patient(patient_id).fencing_token

    def second_window(self, of: ApiClient, kind: str = "active") -> ApiClient:
        """Another application in the same session."""
        window = ApiClient(HttpSender(self.server.url), token=of.token)
        window.register(kind=kind)
        self._further.append(window)
        return window

    def reconnect(self) -> None:
        """Connect everybody to the server where it is now, with session and application as they were."""
        for user, client in list(self.clients.items()):
            again = ApiClient(HttpSender(self.server.url), token=client.token)
            again.application = client.application
            self.clients[user] = again

    def leave(self) -> None:
        for client in (*self.clients.values(), *self._further):
            with contextlib.suppress(RefusedError, OSError):
                client.close_application()


def refused(work: Callable[..., Any], *arguments: Any, **named: Any) -> RefusedError:
    """The refusal that `work` must meet."""
    with pytest.raises(RefusedError) as caught:
        work(*arguments, **named)
    return caught.value


def verdict(work: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[int, str]:
    """Status and code of the refusal."""
    refusal = refused(work, *arguments, **named)
    return refusal.status, refusal.code
