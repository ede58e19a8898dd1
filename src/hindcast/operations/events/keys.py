"""Where the secrets of subscriptions are kept: never in the ledger, whose rows are for ever."""

import os
from pathlib import Path
from typing import Protocol

from hindcast import names
from hindcast.errors import NotFoundError
from hindcast.settings import Settings
from hindcast.stores import aws

_LOST = "the secret of subscription '{}' is gone; unsubscribe it and subscribe it anew"


class Keys(Protocol):
    """Keeps one secret for each subscription, by its name."""

    def put(self, name: str, secret: str) -> None:
        """Keep a secret; one of that name is replaced."""
        ...

    def get(self, name: str) -> str:
        """The secret; NotFoundError where there is none."""
        ...

    def drop(self, name: str) -> None:
        """Forget a secret, if there is one."""
        ...


class FolderKeys:
    """A file for each, that only its owner may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, secret: str) -> None:
        """Write the file in one go, never readable by others."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f".{name}.part"
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(secret)
        part.replace(self._folder / name)

    def get(self, name: str) -> str:
        """What the file holds; NotFoundError."""
        try:
            return (self._folder / name).read_text()
        except FileNotFoundError as error:
            raise NotFoundError(_LOST.format(name)) from error

    def drop(self, name: str) -> None:
        """Delete the file."""
        (self._folder / name).unlink(missing_ok=True)


class ManagedKeys:
    """A secret in Secrets Manager for each, whose name begins with a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def put(self, name: str, secret: str) -> None:
        """Create the secret, or give it a new value."""
        client, id = aws.client("secretsmanager"), self._prefix + name
        with aws.one_error(f"secret {id}"):
            try:
                client.create_secret(Name=id, SecretString=secret)
            except client.exceptions.ResourceExistsException:
                client.put_secret_value(SecretId=id, SecretString=secret)

    def get(self, name: str) -> str:
        """The secret's value; NotFoundError."""
        client, id = aws.client("secretsmanager"), self._prefix + name
        with aws.one_error(f"secret {id}"):
            try:
                return str(client.get_secret_value(SecretId=id)["SecretString"])
            except client.exceptions.ResourceNotFoundException as error:
                raise NotFoundError(_LOST.format(name)) from error

    def drop(self, name: str) -> None:
        """Delete the secret at once, so that its name is free."""
        client, id = aws.client("secretsmanager"), self._prefix + name
        with aws.one_error(f"secret {id}"):
            try:
                client.delete_secret(SecretId=id, ForceDeleteWithoutRecovery=True)
            except client.exceptions.ResourceNotFoundException:
                return


def keys_of(settings: Settings) -> Keys:
    """Where this deployment, or this home, keeps them."""
    if settings.deployment:
        return ManagedKeys(f"{names.SUBSCRIPTION_SECRETS}/{settings.deployment}/")
    return FolderKeys(settings.home / "subscriptions")
