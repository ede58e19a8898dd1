"""Models that anyone has logged to MLflow, as folders: fetched, told by a digest, described."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hindcast.errors import InputError, NotFoundError, first_line
from hindcast.models.registry.registry import ModelRegistry

FLAVORS = ("sklearn", "spark", "pyfunc")
# MLflow's note of where a fetched model came from: no part of the model.
_FETCHED_NOTE = "registered_model_meta"


@dataclass(frozen=True)
class LoggedModel:
    """What a model's folder says: its flavors, and the input columns with MLflow's types.

    inputs: empty for a model that was logged without a signature.
    """

    flavors: tuple[str, ...]
    inputs: Mapping[str, str]


def fetch(uri: str, registry: ModelRegistry, into: Path) -> Path:
    """Copy a model to a folder of its own: runs:/, models:/, another address, or a folder.

    Raises NotFoundError where there is none, StoreUnavailableError where MLflow cannot be asked.
    """
    if not urlsplit(uri).scheme:
        return _copied(Path(uri), into)
    found = registry.download(uri, into)
    (found / _FETCHED_NOTE).unlink(missing_ok=True)
    return found


def _copied(folder: Path, into: Path) -> Path:
    if not (folder / "MLmodel").is_file():
        raise NotFoundError(f"{folder}: no folder of an MLflow model; it has no file MLmodel")
    return Path(shutil.copytree(folder, into / "model"))


def digest(folder: Path) -> str:
    """SHA-256 of every file's path and content, in the order of their paths."""
    found = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        found.update(f"{content} {path.relative_to(folder).as_posix()}\n".encode())
    return found.hexdigest()


def describe(folder: Path) -> LoggedModel:
    """Read MLmodel, which runs no code of the model; raises InputError where it is none."""
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    try:
        model = Model.load(str(folder))
        columns = model.signature.inputs.to_dict() if model.signature else []
        inputs = {each["name"]: str(each["type"]) for each in columns}
    except (MlflowException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"MLmodel: names no columns of a table: {first_line(error)}") from error
    kinds = {"python_function": "pyfunc"}
    flavors = {kinds.get(name, name) for name in model.flavors}
    return LoggedModel(tuple(each for each in FLAVORS if each in flavors), inputs)
