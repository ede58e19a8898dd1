"""The commands in a Markdown document's ```sh blocks, and whether the AWS CLI would take them.

The CLI is generated from botocore's models, so these are asked: services, operations, options,
enumerations, the keys of structures and what is required.
"""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.model import ListShape, Shape, StructureShape
from botocore.session import Session

Words = list[str]

_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ASSIGNED = re.compile(r"^ *([A-Z][A-Z_]*)=([^\s$(]+)$", re.MULTILINE)
_ENDS = {"|", "&&", "||", ";", ">", ">>", "<"}
_GLOBAL = {"region", "query", "output", "profile", "no-cli-pager", "cli-binary-format", "debug"}
_FLAGS = {"no-cli-pager", "debug"}
_NAMES = {"s3api": "s3"}
_RENAMED = {("sns", "subscribe"): {"endpoint": "notification-endpoint"}}
# What the CLI adds to the models, with its options.
_ADDED = {
    ("s3", "cp"): {"recursive", "no-progress", "metadata-directive"},
    ("s3", "sync"): {"delete", "dryrun", "exclude"},
    ("s3", "ls"): {"recursive"},
    ("ecr", "get-login-password"): set(),
    ("configure", "export-credentials"): {"format"},
    ("logs", "tail"): {"since", "follow", "filter-pattern", "format"},
}


def blocks(document: Path) -> list[str]:
    """The text of every ```sh block, with lines that are continued joined."""
    return [found.replace("\\\n", " ") for found in _BLOCK.findall(document.read_text())]


def expanded(document: Path) -> str:
    """All blocks as one text, with variables that are set to plain values put in."""
    text = "\n".join(blocks(document))
    for name, value in _ASSIGNED.findall(text):
        text = re.sub(rf"\${name}\b|\${{{name}}}", value, text)
    return text


def commands(text: str, program: str) -> Iterator[Words]:
    """Every call of a program, also in $(...) and after a pipe; words without their quotes."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        for place, word in enumerate(words):
            start = word.rpartition("$(")
            if start[2] == program:
                yield _words(words[place:], inner=bool(start[1]))


def _words(words: Words, inner: bool) -> Words:
    taken: Words = []
    for word in words:
        if word in _ENDS or word.startswith("2>"):
            break
        ends = inner and word.endswith(")") and word.count("(") < word.count(")")
        taken.append(word[:-1] if ends else word)
        if ends or word.endswith(";"):
            break
    return [taken[0].rpartition("$(")[2], *(word.removesuffix(";") for word in taken[1:])]


def problems(words: Words) -> list[str]:
    """What the AWS CLI would refuse in a command; nothing where it is right."""
    _, name, operation, *rest = words
    service = _NAMES.get(name, name)
    if (name, operation) in _ADDED:
        unknown = {word[2:] for word in rest if word.startswith("--")}
        unknown -= _GLOBAL | _ADDED[name, operation]
        return [f"no option --{option}" for option in sorted(unknown)]
    if service not in _session().get_available_services():
        return [f"no service '{service}'"]
    if operation == "wait":
        return _waiting(service, rest)
    names = _operations(service)
    if operation not in names:
        return [f"no operation '{operation}' of {service}"]
    return _options(_model(service).operation_model(names[operation]).input_shape, rest, words)


def _waiting(service: str, rest: Words) -> list[str]:
    try:
        waiters = _session().get_waiter_model(service)
    except DataNotFoundError:
        return [f"no waiters of {service}"]
    for name in waiters.waiter_names:
        if xform_name(name, "-") == rest[0]:
            operation = waiters.get_waiter(name).operation
            shape = _model(service).operation_model(operation).input_shape
            return _options(shape, rest[1:], ["aws", service, "wait"])
    return [f"no waiter '{rest[0]}' of {service}"]


def _options(shape: StructureShape | None, rest: Words, words: Words) -> list[str]:
    renamed = _RENAMED.get((words[1], words[2]), {})
    options = {name: xform_name(name, "-") for name in (shape.members if shape else ())}
    options = {name: renamed.get(option, option) for name, option in options.items()}
    members = {option: shape.members[name] for name, option in options.items()} if shape else {}
    required = {options[name] for name in shape.required_members} if shape else set()
    found, left = [], list(rest)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            if words[1:3] != ["lambda", "invoke"]:  # Its answer's file has no option's name.
                found.append(f"'{word}' belongs to no option")
            continue
        option = word[2:]
        required.discard(option)
        values = _values(option, members, left)
        found += _option(option, members, values)
    return found + [f"--{option} is missing" for option in sorted(required)] + _binary(words)


def _values(option: str, members: dict[str, Shape], left: Words) -> Words:
    """Take an option's values from what is left: none of a flag, one, or all of a list."""
    shape = members.get(option.removeprefix("no-"), members.get(option))
    if option in _FLAGS or (shape is not None and shape.type_name == "boolean"):
        return []
    values = []
    while left and not left[0].startswith("--"):
        values.append(left.pop(0))
        if not isinstance(shape, ListShape):
            break
    return values


def _option(option: str, members: dict[str, Shape], values: Words) -> list[str]:
    if option == "query":
        jmespath.compile(values[0])  # Raises with the place of what is wrong.
    if option in _GLOBAL:
        return []
    shape = members.get(option)
    if shape is None:
        shape = members.get(option.removeprefix("no-"))
        if shape is None or shape.type_name != "boolean":
            return [f"no option --{option}"]
    if not values and shape.type_name != "boolean":
        return [f"--{option} has no value"]
    return [problem for value in values for problem in _value(option, shape, value)]


def _value(option: str, shape: Shape, value: str) -> list[str]:
    shape = shape.member if isinstance(shape, ListShape) and not value.startswith("[") else shape
    if "$" in value or value.startswith("file://"):
        return []
    if value[:1] in "[{" and shape.type_name != "string":
        return _document(option, shape, json.loads(value))
    if isinstance(shape, StructureShape):
        keys = re.findall(r"(?:^|,)(\w+)=", value)
        return [f"--{option}: no key '{key}'" for key in keys if key not in shape.members]
    allowed = getattr(shape, "enum", [])
    return (
        [f"--{option}: '{value}' is none of {allowed}"] if allowed and value not in allowed else []
    )


def _document(option: str, shape: Shape, value: Any) -> list[str]:
    if isinstance(shape, ListShape):
        return [problem for one in value for problem in _document(option, shape.member, one)]
    if isinstance(shape, StructureShape):
        known = shape.members
        return [f"--{option}: no key '{key}'" for key in value if key not in known]
    return []


def _binary(words: Sequence[str]) -> list[str]:
    """Version 2 of the CLI takes a payload as base64 unless it is told otherwise."""
    wrong = "--payload" in words and "raw-in-base64-out" not in words
    return ["--payload needs --cli-binary-format raw-in-base64-out"] if wrong else []


@cache
def _session() -> Session:
    return Session()


@cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)


@cache
def _operations(service: str) -> dict[str, str]:
    return {xform_name(name, "-"): name for name in _model(service).operation_names}
