"""The OpenAPI 3.1 document, written from the table of endpoints: every status with its problem codes, and which answer leads where."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from miz.infra.db.engine import DatabasePageError, DatabaseReadOnlyError, DatabaseReplacedError, DiskFaultError, DiskFullError
from miz.infra.db.postgres_server import DatabaseUnreachableError
from miz.infra.http import (
    EVERYBODY,
    BodyTooLargeError,
    BodyTooSlowError,
    Endpoint,
    ForeignHostError,
    ForeignPageError,
    UnexpectedError,
    status_of,
)
from miz.kernel.errors import (
    DatabaseUnavailableError,
    InvalidInputError,
    MizError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    UnparsableInputError,
)

Schema = dict[str, Any]
Refusals = Sequence[type[MizError]]

_ALWAYS: Refusals = (
    UnparsableInputError, ForeignHostError, UnexpectedError, DatabaseUnavailableError, DatabaseReplacedError, DatabaseUnreachableError,
    DatabaseReadOnlyError, DatabasePageError, DiskFullError, DiskFaultError,
)  # fmt: skip
_MOST_KEY = 100
_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        name: {"type": "integer" if name == "status" else "string"}
        for name in ("type", "title", "status", "detail", "instance", "code", "hint")
    },
}
_HEADERS: dict[str, Schema] = {
    "Miz-Application": {"type": "string", "description": "The id that the application was given when it announced itself."},
    "Miz-Fencing-Token": {"type": "string", "description": "The token of the opening."},
    "Idempotency-Key": {"type": "string", "maxLength": _MOST_KEY, "description": "The same key twice has one effect, and one answer."},
}
_OPTIONAL = {"Idempotency-Key"}


def openapi_document(endpoints: Iterable[Endpoint], *, title: str, version: str, cookie: str = "", at_the_gate: Refusals = ()) -> Schema:
    """Every JSON endpoint with its parameters, body, answers, refusals and roles (`x-roles`).

    `cookie` is the name of the session's cookie; `at_the_gate` is what the gate raises of its own where an endpoint is not open while locked.
    """
    described = [endpoint for endpoint in endpoints if not endpoint.is_page]
    structures = list(dict.fromkeys(shape for endpoint in described for shape in _structures(endpoint)))
    schemas, components = msgspec.json.schema_components(structures, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(structures, schemas, strict=True))
    paths: dict[str, Schema] = {}
    for endpoint in described:
        operation = _operation(endpoint, schema_of, refusals_of(endpoint, at_the_gate))
        if links := dict(_links(endpoint, described)):
            operation["responses"][str(endpoint.status)]["links"] = links
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
    }


def refusals_of(endpoint: Endpoint, at_the_gate: Refusals = ()) -> set[type[MizError]]:
    """Every error that a request to the endpoint may be answered with."""
    found = {*_ALWAYS, *endpoint.refuses}
    if endpoint.may is not EVERYBODY:
        found |= {NotSignedInError, NotPermittedError, *(() if endpoint.is_open_while_locked else at_the_gate)}
    if endpoint.method != "GET":
        found |= {ForeignPageError, BodyTooLargeError, BodyTooSlowError}
    if endpoint.body is not None or endpoint.checked_body is not None or "Idempotency-Key" in endpoint.headers:
        found.add(InvalidInputError)
    if "{" in endpoint.path:
        found.add(NotFoundError)
    return found


def _structures(endpoint: Endpoint) -> list[Any]:
    shapes = (endpoint.body, endpoint.checked_body, endpoint.answer, *endpoint.other_answers.values())
    return [shape for shape in shapes if shape is not None]


def _operation(endpoint: Endpoint, schema_of: dict[Any, Schema], refusals: Iterable[type[MizError]]) -> Schema:
    operation: Schema = {
        "summary": endpoint.summary,
        "operationId": _name(endpoint),
        "parameters": list(_parameters(endpoint)),
        "responses": _responses(endpoint, schema_of, refusals),
    }
    shape = endpoint.body if endpoint.body is not None else endpoint.checked_body
    if shape is not None:
        operation["requestBody"] = {"required": _is_needed(shape), "content": {"application/json": {"schema": schema_of[shape]}}}
    if endpoint.may is not EVERYBODY:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
        operation["x-roles"] = sorted(endpoint.may)
    return operation


def _name(endpoint: Endpoint) -> str:
    return re.sub(r"\W+", "_", f"{endpoint.method.lower()}{endpoint.path}").strip("_")


def _parameters(endpoint: Endpoint) -> Iterator[Schema]:
    for name in _in_path(endpoint.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for name, schema in endpoint.query.items():
        yield {"name": name, "in": "query", "schema": schema}
    for name in endpoint.headers:
        yield {"name": name, "in": "header", "required": name not in _OPTIONAL, "schema": _HEADERS[name]}


def _in_path(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _responses(endpoint: Endpoint, schema_of: dict[Any, Schema], refusals: Iterable[type[MizError]]) -> Schema:
    found: dict[int, Schema] = {}
    if endpoint.answer is not None:
        found[endpoint.status] = _answer(endpoint.summary, schema_of[endpoint.answer], endpoint.answer)
    elif endpoint.media_type != "application/json":
        kind = {"type": "string"} if endpoint.media_type.startswith("text/") else {"type": "string", "format": "binary"}
        found[endpoint.status] = {"description": endpoint.summary, "content": {endpoint.media_type: {"schema": kind}}}
    else:
        found[204] = {"description": endpoint.summary}
    for status, shape in endpoint.other_answers.items():
        found[status] = _answer(endpoint.summary, schema_of[shape], shape)
    by_status: dict[int, list[type[MizError]]] = defaultdict(list)
    for error in sorted(refusals, key=lambda error: error.code):
        by_status[status_of(error)].append(error)
    for status, errors in by_status.items():
        problem = _problem(status, errors)
        both = {**found.get(status, {}).get("content", {}), **problem["content"]}
        found[status] = {**problem, "content": both}
    return {str(status): found[status] for status in sorted(found)}


def _answer(summary: str, schema: Schema, shape: Any) -> Schema:
    answer: Schema = {"description": summary, "content": {"application/json": {"schema": schema}}}
    if "version" in getattr(shape, "__struct_fields__", ()) and shape.__annotations__.get("version", int) is int:
        answer["headers"] = {"ETag": {"required": True, "schema": {"type": "string", "pattern": '^"[0-9]+"$'}}}
    return answer


def _problem(status: int, errors: Sequence[type[MizError]]) -> Schema:
    """A problem (RFC 9457) with the codes it may have."""
    shape = {
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "properties": {"code": {"enum": [error.code for error in errors]}, "status": {"const": status}},
    }
    described: Schema = {
        "description": " ".join(error.title for error in errors),
        "content": {"application/problem+json": {"schema": shape}},
    }
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    return described


def _links(source: Endpoint, endpoints: Sequence[Endpoint]) -> Iterator[tuple[str, Schema]]:
    """What can be done with what was just made: its id goes into the paths below, what it gives into headers."""
    fields = getattr(source.answer, "__struct_fields__", ())
    for target in endpoints:
        given = {name: f"$response.body#/{part}" for name, part in source.gives.items() if name in target.headers}
        if not given and not (source.method == "POST" and "id" in fields and target.path.startswith(source.path + "/{")):
            continue
        here, there = _in_path(source.path), _in_path(target.path)
        if there[: len(here)] != here:
            continue
        parameters = {f"path.{name}": f"$request.path.{name}" for name in here}
        if "id" in fields and len(there) > len(here) and target.path.startswith(source.path + "/{"):
            parameters[f"path.{there[len(here)]}"] = "$response.body#/id"
        for name in target.headers:
            if name in given:
                parameters[f"header.{name}"] = given[name]
            elif name in source.headers and name not in _OPTIONAL:
                parameters[f"header.{name}"] = f"$request.header.{name}"
        yield _name(target), {"operationId": _name(target), "parameters": parameters}


def _is_needed(body: Any) -> bool:
    """Whether a request without this body is refused: a missing one counts as `{}`."""
    try:
        msgspec.json.decode(b"{}", type=body)
    except msgspec.ValidationError:
        return True
    return False
