"""How the command line reaches a practice: by its running server, or, when none runs, by one inside this process."""

import asyncio
import getpass
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, unquote

from miz.apps.bootstrap import Server
from miz.apps.service.account import as_owner_of
from miz.infra.api_client import Answer, ApiClient, HttpSender, Send
from miz.infra.data_folder import DataFolder
from miz.infra.files import DataFolderInUseError
from miz.infra.http import Call, Reply
from miz.infra.settings import Settings

_ANSWERS_WITHIN_S = 10.0
_LOOK_S = 0.2


@contextmanager
def local_client(folder: DataFolder, settings: Settings, *, language: str) -> Iterator[ApiClient]:
    """A client in the role `local`. Raises `NoPracticeError`, `DataFolderInUseError`."""
    folder.require_practice()
    if running := _running(folder, language):
        yield running
        return
    with as_owner_of(folder.path), asyncio.Runner() as runner:
        server = _own(folder, settings, language)
        if isinstance(server, ApiClient):
            yield server
            return
        runner.run(server.start())
        try:
            yield ApiClient(_signed(_in_process(server, runner)), token=server.local_token, language=language)
        finally:
            runner.run(server.stop())
            server.close()
    if server.fault_at_end:
        raise server.fault_at_end


def _own(folder: DataFolder, settings: Settings, language: str) -> Server | ApiClient:
    """A server of this process; or the running one, where it had not answered because it begins or changes its certificate just now."""
    ends = time.monotonic() + _ANSWERS_WITHIN_S
    while True:
        try:
            return Server(folder, settings)
        except DataFolderInUseError:
            if time.monotonic() > ends:
                raise
        if running := _running(folder, language):
            return running
        time.sleep(_LOOK_S)


def _running(folder: DataFolder, language: str) -> ApiClient | None:
    """A client of the running server, None where none answers."""
    control = folder.read_control()
    if control is None:
        return None
    client = ApiClient(_signed(HttpSender(control.url, certificate=control.certificate)), token=control.token, language=language)
    return client if _answers(client) else None


def _signed(sender: Send) -> Send:
    """The sender, which says for the audit trail under which account of the operating system the command runs."""
    try:
        account = quote(getpass.getuser())
    except (OSError, KeyError):  # an account without a name
        account = ""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return sender(method, path, {**headers, "Miz-Local-User": account}, body)

    return send


def _answers(client: ApiClient) -> bool:
    """Whether a server stands behind the control file; one that was killed has left it behind."""
    try:
        client.call("GET", "/server")
    except OSError:
        return False
    return True


def _in_process(server: Server, runner: asyncio.Runner) -> Send:
    """A sender that calls the application directly."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return runner.run(_ask(server, method, path, headers, body))

    return send


async def _ask(server: Server, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    async def read() -> bytes:
        return body

    path, _, query = path.partition("?")
    named = {"host": "localhost"} | {name.lower(): value for name, value in headers.items()}
    answer = await server(Call(method, unquote(path), named, query_string=query, read=read))
    assert isinstance(answer, Reply), "the command line asks for no event streams"
    return answer.status, answer.content.encode() if isinstance(answer.content, str) else answer.content
