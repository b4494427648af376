"""The OpenAPI 3.1 document, written from the table of endpoints."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from miz.infra.http import EVERYBODY, Endpoint

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        name: {"type": "integer" if name == "status" else "string"}
        for name in ("type", "title", "status", "detail", "instance", "code", "hint")
    },
}


def openapi_document(endpoints: Iterable[Endpoint], *, title: str, version: str) -> dict[str, Any]:
    """Every JSON endpoint with its parameters, body, answers and roles (`x-roles`)."""
    described = [endpoint for endpoint in endpoints if not endpoint.is_page]
    structures = list(dict.fromkeys(shape for endpoint in described for shape in (endpoint.body, endpoint.answer) if shape is not None))
    schemas, components = msgspec.json.schema_components(structures, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(structures, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in described:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "miz_session"},
            },
        },
    }


def _operation(endpoint: Endpoint, schema_of: dict[Any, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": {"type": kind}} for name, kind in endpoint.query.items()]
    parameters += [{"name": name, "in": "header", "schema": {"type": "string"}} for name in endpoint.headers]
    success: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.answer is not None:
        success["content"] = {"application/json": {"schema": schema_of[endpoint.answer]}}
    elif endpoint.media_type != "application/json":
        success["content"] = {endpoint.media_type: {"schema": {"type": "string", "format": "binary"}}}
    problem = {
        "description": "Problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{endpoint.path}").strip("_"),
        "parameters": parameters,
        "responses": {str(endpoint.status if "content" in success else 204): success, "4XX": problem, "5XX": problem},
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": _is_needed(endpoint.body),
            "content": {"application/json": {"schema": schema_of[endpoint.body]}},
        }
    if endpoint.may is not EVERYBODY:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
        operation["x-roles"] = sorted(endpoint.may)
    return operation


def _is_needed(body: Any) -> bool:
    """Whether a request without this body is refused: a missing one counts as `{}`."""
    try:
        msgspec.json.decode(b"{}", type=body)
    except msgspec.ValidationError:
        return True
    return False
