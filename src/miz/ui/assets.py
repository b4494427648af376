"""Static files: kept in memory, at addresses that name their content, so that a browser may keep them for ever."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from miz.infra.http import EVERYBODY, Call, Endpoint, Reply
from miz.kernel.errors import NotFoundError

STATIC_FOLDER = Path(__file__).parent / "static"
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@cache
def files() -> dict[str, bytes]:
    """All static files by their path below the folder."""
    return {path.relative_to(STATIC_FOLDER).as_posix(): path.read_bytes() for path in sorted(STATIC_FOLDER.rglob("*")) if path.is_file()}


@cache
def content_hash() -> str:
    """One hash over all files: modules and style sheets may then name each other by plain relative paths."""
    digest = hashlib.sha256()
    for name, content in files().items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """Where a page finds the static file `name`."""
    return f"/static/{content_hash()}/{name}"


def icon_address(name: str) -> str:
    """Where `<use>` finds the icon `name`."""
    return f"{address('vendor/icons.svg')}#{name}"


def media_type(name: str) -> str:
    """The media type of a static file, by how its name ends."""
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


async def _send(call: Call) -> Reply:
    name = call.params["name"]
    content = files().get(name)
    if content is None:
        raise NotFoundError
    headers = [_FOR_EVER] if call.params["content_hash"] == content_hash() else []
    return Reply(content, media_type=media_type(name), headers=headers)


def endpoints() -> list[Endpoint]:
    """The route of the static files."""
    return [
        Endpoint(
            method="GET",
            path="/static/{content_hash}/{name:path}",
            may=EVERYBODY,
            run=_send,
            summary="A static file",
            is_page=True,
            is_open_while_locked=True,
        )
    ]
