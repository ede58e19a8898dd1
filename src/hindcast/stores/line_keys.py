"""Where the keys of prediction lines are kept: a file of the home, or Secrets Manager."""

import json
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from hindcast.errors import HindcastError, InputError, first_line
from hindcast.serving import line_tags
from hindcast.serving.line_tags import LineKeys
from hindcast.settings import Settings
from hindcast.stores import database

FILE = "line-keys.json"
_BYTES = 32


def of(settings: Settings) -> LineKeys | None:
    """The keys of a deployment or home, whose first is made here; None of a deployment without.

    Raises InputError for what is no keys, HindcastError where the file cannot be made or read, and
    what reading the secret raises.
    """
    if settings.line_keys:
        return line_tags.parse(database.read_secret(settings.line_keys), settings.line_keys)
    if settings.deployment is not None:
        return None
    path = settings.home / FILE
    try:
        if not path.exists():
            _write(path, {"1": secrets.token_hex(_BYTES)}, is_new=True)
        return line_tags.parse(_read(path), str(path))
    except OSError as error:
        raise HindcastError(f"{path}: {first_line(error)}; keys of lines are kept there") from error


def rotate(settings: Settings) -> int:
    """Add a key to the home's, which new lines are tagged by; its number. Raises what `of` does."""
    found = of(settings)
    if settings.line_keys or found is None:
        raise InputError("the keys of a deployment are rotated in its secret; see operations.md")
    number, path = max(found.keys) + 1, settings.home / FILE
    _write(path, {**_read(path), str(number): secrets.token_hex(_BYTES)}, is_new=False)
    return number


def _read(path: Path) -> dict[str, str]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}


def _write(path: Path, keys: dict[str, str], is_new: bool) -> None:
    """Whole or not at all, for its owner's eyes alone; of two that make it, the first counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as part:  # Of mode 0600.
        json.dump(keys, part)
    if is_new:
        with suppress(FileExistsError):
            os.link(part.name, path)
        Path(part.name).unlink()
    else:
        Path(part.name).replace(path)
