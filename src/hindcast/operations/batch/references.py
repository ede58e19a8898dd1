"""Secrets by reference, ${env:NAME} or ${secret:NAME#field}, resolved where they are used."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import AfterValidator

from hindcast.errors import HindcastError, InputError
from hindcast.stores import database

_REFERENCE = re.compile(r"\$\{(env|secret):([^}]+)\}")
_MENTION = re.compile(r"\$\{[^}]*\}?")


_PASSWORD = re.compile(r"://[^/@:]*:[^@$]")
_FORMS = "${env:NAME} or ${secret:NAME#field}"


class UnshownError(ValueError):
    """Raised when a reference is none; the text that it is in may be secret, and is not shown."""


def _checked(text: str) -> str:
    for mention in _MENTION.findall(text):
        if fault := _fault(mention):
            raise UnshownError(fault)
    if _PASSWORD.search(text):
        raise UnshownError(f"has its password written out; write {_FORMS} in its place")
    return text


def _fault(mention: str) -> str | None:
    found = _REFERENCE.fullmatch(mention)
    if found is None:
        return f"{mention} is no reference; write {_FORMS}"
    if found[1] == "secret" and "#" not in found[2]:
        return f"{mention} names no field of the secret; write ${{secret:NAME#field}}"
    try:
        _SOURCES[found[1]](found[2])
    except HindcastError as error:
        return str(error)
    return None


# Text that may hold references, which the ledger and messages show unresolved.
Reference = Annotated[str, AfterValidator(_checked)]


def resolved(text: str) -> str:
    """The text with what its references stand for; never to be logged or kept.

    Raises InputError for a reference that stands for nothing.
    """
    return _REFERENCE.sub(lambda found: _SOURCES[found[1]](found[2]), text)


def _of_environment(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise InputError(f"the environment has no {name}; set it") from None


def _of_secrets_manager(name: str) -> str:
    name, _, field = name.rpartition("#")
    secret = database.read_secret(name)
    if field not in secret:
        raise InputError(f"secret {name}: it has no {field}")
    return str(secret[field])


_SOURCES: Mapping[str, Callable[[str], str]] = {
    "env": _of_environment,
    "secret": _of_secrets_manager,
}
