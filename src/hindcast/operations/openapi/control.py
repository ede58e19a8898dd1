"""The control API's document, made of its routes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hindcast.operations.control.api import KEY
from hindcast.operations.control.bodies import Nothing
from hindcast.operations.control.documents import ErrorDocument
from hindcast.operations.control.routes import ROUTES, Route
from hindcast.operations.openapi.document import Answer, Api, Document, Operation, Parameter
from hindcast.operations.openapi.document import document as openapi

API = Api(
    "Hindcast control",
    "Jobs, runs, releases and schedules of a project. A server of one machine asks for a token; on "
    "AWS requests are signed by IAM. A viewer reads, an operator starts jobs, an approver "
    "promotes.",
    "1",
    {"token": {"type": "http", "scheme": "bearer"}},
)
_REFUSALS = {
    400: "The body is not JSON.",
    401: "The caller is not known.",
    403: "The caller's role may not do this.",
    404: "What is named is not there.",
    409: "The state of things does not allow it, such as a gate that refused.",
    413: "The body is too long.",
    422: "A field is unknown, missing or has a value that it cannot have.",
    500: "It failed here; the message says how.",
    503: "The ledger or the store does not answer; try again.",
}
_KEY = Parameter(
    KEY,
    "header",
    "With the same key and body again, nothing is done twice: the answer is the first one.",
    {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
    required=False,
)


def document() -> Document:
    """The document of the control API."""
    return openapi(API, [each for route in ROUTES for each in _operations(route)])


def _operations(route: Route) -> Iterator[Operation]:
    """The route; one whose body depends on a name in the path, for each name."""
    if route.bodies is None:
        yield _operation(route, route.path, route.body)
        return
    for name, body in route.bodies.items():
        yield _operation(route, re.sub(r"{\w+}", name, route.path), body)


def _operation(route: Route, path: str, body: type[BaseModel]) -> Operation:
    words = re.findall(r"\w+", path)
    return Operation(
        id="_".join([route.method.lower(), *words]),
        method=route.method,
        path=path,
        summary=route.summary.removesuffix("."),
        tag=words[0],
        answers=_answers(route),
        body=None if body is Nothing else body,
        parameters=[*_query(route.query), *([_KEY] if route.method == "POST" else [])],
    )


def _answers(route: Route) -> Mapping[int, Answer]:
    headers = {"Location": "Where it is told."} if route.status in (201, 202) else {}
    given = Answer(route.summary, route.answer, headers=headers)
    refused = {status: Answer(said, ErrorDocument) for status, said in _REFUSALS.items()}
    return {**refused, route.status: given}


def _query(query: type[BaseModel]) -> list[Parameter]:
    """The fields of a query, each a parameter."""
    schemas: Mapping[str, Any] = query.model_json_schema().get("properties", {})
    return [
        Parameter(name, "query", _said(query, field), schemas[name], field.is_required())
        for name, field in query.model_fields.items()
    ]


def _said(query: type[BaseModel], field: FieldInfo) -> str:
    return field.description or (query.__doc__ or "").splitlines()[0]
