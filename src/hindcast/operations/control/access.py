"""Who calls the control API, and what they may: by a token of the home, or by an IAM identity."""

import getpass
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from hindcast.errors import InputError, NotFoundError
from hindcast.serving.requests import RequestError

Role = Literal["viewer", "operator", "approver"]
# Each may do what those before it may.
ROLES: tuple[Role, ...] = get_args(Role)
_BEARER = "bearer "


@dataclass(frozen=True)
class Caller:
    """Who calls, and as what."""

    name: str
    role: Role

    def require(self, role: Role) -> None:
        """Raise RequestError 403 unless the caller has this role or a later one."""
        if ROLES.index(self.role) < ROLES.index(role):
            message = f"{self.name} is {_a(self.role)}; this takes {_a(role)}"
            raise RequestError(403, "Authorization", message)


class Access(Protocol):
    """Tells callers from their events."""

    def caller(self, event: Mapping[str, Any]) -> Caller:
        """Who sent a proxy event; raises RequestError 401, and 403 for one without any role."""


class Tokens:
    """The tokens of a home: names with roles, and of the tokens themselves a digest alone."""

    def __init__(self, home: Path) -> None:
        self.path = home / "tokens.json"

    def caller(self, event: Mapping[str, Any]) -> Caller:
        """Who has the token of the Authorization header; raises RequestError 401."""
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        given = headers.get("authorization", "")
        if not given.lower().startswith(_BEARER):
            raise RequestError(401, "Authorization", "is missing; send 'Bearer TOKEN'")
        found = self._read().get(_digest(given[len(_BEARER) :].strip()))
        if found is None:
            raise RequestError(401, "Authorization", "is no token of this home")
        return found

    def all(self) -> list[Caller]:
        """Who has a token, by name."""
        return sorted(self._read().values(), key=lambda caller: caller.name)

    def add(self, name: str, role: str) -> str:
        """A new token for a name, in place of its old one; raises InputError."""
        if role not in ROLES:
            raise InputError(f"role '{role}': use one of {', '.join(ROLES)}")
        if not name.strip() or not name.isprintable():
            raise InputError(f"name {name!r}: give a name of letters that can be printed")
        token = secrets.token_urlsafe(32)
        kept = {key: each for key, each in self._read().items() if each.name != name}
        self._write({**kept, _digest(token): Caller(name, role)})
        return token

    def remove(self, name: str) -> Caller:
        """Forget a name's token; raises NotFoundError."""
        known = self._read()
        for key, caller in known.items():
            if caller.name == name:
                self._write({other: known[other] for other in known if other != key})
                return caller
        raise NotFoundError(f"{self.path}: no token is of '{name}'")

    def first(self) -> tuple[Caller, str] | None:
        """An approver's token for the system's user where there is none of anybody yet."""
        if self._read():
            return None
        user = getpass.getuser()
        return Caller(user, "approver"), self.add(user, "approver")

    def _read(self) -> dict[str, Caller]:
        try:
            document = json.loads(self.path.read_bytes())
            return {
                each["sha256"]: Caller(each["name"], ROLES[ROLES.index(each["role"])])
                for each in document["tokens"]
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path}: cannot be read; delete it, and add tokens") from error

    def _write(self, known: Mapping[str, Caller]) -> None:
        tokens = [
            {"name": caller.name, "role": caller.role, "sha256": key}
            for key, caller in known.items()
        ]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"tokens": tokens}, file, indent=1)
        part.replace(self.path)


@dataclass(frozen=True)
class IamAccess:
    """Callers that API Gateway has authenticated; roles: patterns of their ARNs -> role."""

    roles: Mapping[str, Role]

    def caller(self, event: Mapping[str, Any]) -> Caller:
        """Who signed the request, with the highest of their roles."""
        arn = ((event.get("requestContext") or {}).get("identity") or {}).get("userArn")
        if not arn:
            raise RequestError(401, "Authorization", "is missing; sign the request")
        found = [role for pattern, role in self.roles.items() if fnmatchcase(arn, pattern)]
        if not found:
            raise RequestError(403, "Authorization", f"{arn} has no role in this deployment")
        return Caller(arn, max(found, key=ROLES.index))


def iam_roles(text: str) -> dict[str, Role]:
    """The roles of a deployment, as it declares them: JSON of ARN patterns -> role."""
    try:
        document = json.loads(text)
        return {str(pattern): ROLES[ROLES.index(role)] for pattern, role in document.items()}
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"roles: not JSON of ARN patterns and one of {', '.join(ROLES)} for each"
        ) from error


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _a(role: Role) -> str:
    return f"{'a' if role == 'viewer' else 'an'} {role}"
