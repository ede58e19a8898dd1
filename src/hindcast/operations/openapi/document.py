"""Operations with pydantic models of what they take and answer -> an OpenAPI 3.1 document."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Document = dict[str, Any]
Place = Literal["path", "query", "header"]
Mode = Literal["validation", "serialization"]
References = Mapping[tuple[type[BaseModel], Mode], Document]
_REFERENCE = "#/components/schemas/{model}"
_JSON = "application/json"


@dataclass(frozen=True)
class Parameter:
    """A value in a path, a query or a header; schema: its JSON schema."""

    name: str
    place: Place
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = True


@dataclass(frozen=True)
class Answer:
    """What an operation answers with; model: None of a body that is no JSON, of type `media`."""

    description: str
    model: type[BaseModel] | None
    media: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One method of one path: what it takes, and its answers by status."""

    id: str
    method: str
    path: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    body: type[BaseModel] | None = None
    parameters: Sequence[Parameter] = ()


@dataclass(frozen=True)
class Api:
    """An API as its document begins; security: its schemes by name, each of them enough alone."""

    title: str
    description: str
    version: str
    security: Mapping[str, Mapping[str, Any]]


def document(api: Api, operations: Sequence[Operation]) -> Document:
    """The OpenAPI document; raises ValueError where two operations are one method of a path."""
    paths: dict[str, dict[str, Any]] = {}
    schemas, references = _schemas(operations)
    for operation in operations:
        methods = paths.setdefault(operation.path, {})
        if operation.method.lower() in methods:
            raise ValueError(f"{operation.method} {operation.path} is there twice")
        methods[operation.method.lower()] = _operation(operation, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "description": api.description, "version": api.version},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": dict(api.security)},
        "security": [{name: []} for name in api.security],
    }


def _schemas(operations: Sequence[Operation]) -> tuple[Document, References]:
    """Every model's schema by its name, and where an operation finds it."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {}
    for operation in operations:
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
        for answer in operation.answers.values():
            if answer.model is not None:
                wanted[answer.model, "serialization"] = None
    found, definitions = models_json_schema(list(wanted), ref_template=_REFERENCE)
    return definitions.get("$defs", {}), {each: found[each] for each in wanted}


def _operation(operation: Operation, references: References) -> Document:
    found: Document = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [_parameter(each) for each in (*_in_path(operation), *operation.parameters)],
        "responses": {
            str(status): _answer(answer, references)
            for status, answer in sorted(operation.answers.items())
        },
    }
    if operation.body is not None:
        schema = references[operation.body, "validation"]
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    return found


def _in_path(operation: Operation) -> list[Parameter]:
    """The names in a path that no parameter tells more of."""
    told = {each.name for each in operation.parameters if each.place == "path"}
    names = re.findall(r"{(\w+)}", operation.path)
    return [Parameter(name, "path", f"The {name}.") for name in names if name not in told]


def _parameter(parameter: Parameter) -> Document:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": dict(parameter.schema),
    }


def _answer(answer: Answer, references: References) -> Document:
    schema = references[answer.model, "serialization"] if answer.model else {"type": "string"}
    found: Document = {
        "description": answer.description,
        "content": {answer.media: {"schema": schema}},
    }
    if answer.headers:
        found["headers"] = {
            name: {"description": said, "schema": {"type": "string"}}
            for name, said in answer.headers.items()
        }
    return found
