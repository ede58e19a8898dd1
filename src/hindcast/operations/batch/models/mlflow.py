"""A model that was logged to MLflow: trusted by its digest, run in a process of its own."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from hindcast.errors import HindcastError, InputError, first_line
from hindcast.models.registry import logged_models
from hindcast.models.registry.logged_models import LoggedModel
from hindcast.models.registry.model_process import ModelProcess
from hindcast.models.registry.registry import open_registry
from hindcast.operations.batch import references
from hindcast.operations.batch.models.parting import parted, without
from hindcast.operations.batch.parts import PartContext, Refused, ScoredChunk
from hindcast.operations.batch.references import Reference
from hindcast.operations.batch.values import Strict

# MLflow's names of columns' types that text is read as; rows have the others as they are.
_TYPES: Mapping[str, pa.DataType] = {
    "long": pa.int64(),
    "integer": pa.int32(),
    "double": pa.float64(),
    "float": pa.float32(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "datetime": pa.timestamp("us"),
}


class MlflowModelParams(Strict):
    """uri: runs:/, models:/, another address of MLflow's, or a folder.

    trusted_digests: of the folders that may be run, because somebody has looked at them. flavor: as
    what the model is loaded; by default as scikit-learn's where it is one. columns: what it reads,
    where it was logged without a signature. keys: columns to keep beside the answers.
    chunk_seconds: how long the answers for a chunk may take.
    """

    uri: Reference
    trusted_digests: Sequence[Reference] = ()
    flavor: Literal["sklearn", "spark", "pyfunc"] | None = None
    columns: Sequence[str] = ()
    keys: Sequence[str] = ()
    chunk_seconds: Annotated[float, Field(gt=0)] = 600


class MlflowModel:
    """Scores rows by a scikit-learn, Spark or pyfunc model, which never runs in this process."""

    Params = MlflowModelParams

    def __init__(self, params: MlflowModelParams, context: PartContext) -> None:
        """Fetch the model and start its process; raises InputError for one that is not trusted."""
        self._folder = tempfile.TemporaryDirectory(prefix="hindcast-mlflow-")
        try:
            folder = _fetched(params, context, Path(self._folder.name))
            digest = logged_models.digest(folder)
            _check_trust(params, digest)
            logged = logged_models.describe(folder)
            flavor = _flavor(params, logged)
            self._types = _types(params, logged)
            self._process = ModelProcess(folder, flavor, params.chunk_seconds)
        except BaseException:
            self._folder.cleanup()
            raise
        self._nothing = pa.table({"prediction": pa.array([], pa.float64())})
        self.name = f"mlflow-{digest[:12]}"
        self.reads: Sequence[str] = list(self._types)
        self.keys: Sequence[str] = params.keys
        self.facts: Mapping[str, Any] = {"model": params.uri, "digest": digest, "flavor": flavor}

    def score(self, rows: pa.Table) -> ScoredChunk:
        """The rows' columns and the model's answers; refused is what the model cannot take."""
        answers, reasons = parted(rows, self._answered) if rows.num_rows else (self._nothing, {})
        refused = [Refused(*each) for each in sorted(reasons.items())]
        if not answers.num_columns:
            answers = self._nothing
        self._nothing = answers.slice(0, 0)
        kept = without(rows, reasons)
        beside = [name for name in kept.column_names if name not in answers.column_names]
        columns = {name: kept[name] for name in beside}
        found = {name: answers[name] for name in answers.column_names}
        return ScoredChunk(pa.table({**columns, **found}), refused)

    def close(self) -> None:
        """End the process."""
        self._process.close()
        self._folder.cleanup()

    def _answered(self, rows: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """Answers, and the rows whose answer is no number; raises InputError as the model does."""
        found = self._process.score(
            pa.table({name: _typed(rows[name], name, kind) for name, kind in self._types.items()})
        )
        reasons = {
            int(row): f"the model's {name} is {column[int(row)].as_py()}"
            for name, column in zip(found.column_names, found.columns, strict=True)
            for row in np.flatnonzero(_is_missing(column))
        }
        return found, reasons


def _fetched(params: MlflowModelParams, context: PartContext, into: Path) -> Path:
    application = context.application
    registry = open_registry(application.database_url, application.settings.releases)
    return logged_models.fetch(references.resolved(params.uri), registry, into)


def _check_trust(params: MlflowModelParams, digest: str) -> None:
    if digest not in map(references.resolved, params.trusted_digests):
        raise InputError(
            f"data.model: {params.uri} may be a pickle, which runs code, and its digest is not in "
            f"trusted_digests; look at the model, then add {digest}"
        )


def _flavor(params: MlflowModelParams, logged: LoggedModel) -> str:
    if not logged.flavors:
        raise InputError(f"{params.uri}: it has none of the flavors sklearn, spark and pyfunc")
    if params.flavor is not None and params.flavor not in logged.flavors:
        raise InputError(
            f"{params.uri}: it has no flavor {params.flavor}; it has {', '.join(logged.flavors)}"
        )
    return params.flavor or logged.flavors[0]


def _types(params: MlflowModelParams, logged: LoggedModel) -> dict[str, pa.DataType | None]:
    """The columns that the model reads; those without a type are given as they are."""
    if not logged.inputs and not params.columns:
        raise InputError(
            f"{params.uri}: it was logged without a signature; name what it reads in columns"
        )
    if logged.inputs:
        return {name: _TYPES.get(kind) for name, kind in logged.inputs.items()}
    return dict.fromkeys(params.columns)


def _typed(column: pa.ChunkedArray, name: str, kind: pa.DataType | None) -> pa.ChunkedArray:
    """A column in the type that the model wants; raises InputError for what is none such."""
    if kind is None or column.type == kind:
        return column
    try:
        return column.cast(kind)
    except pa.ArrowInvalid as error:
        raise InputError(f"{name} is no {kind}: {first_line(error)}") from error
    except pa.ArrowNotImplementedError as error:
        raise HindcastError(f"{name} is {column.type}; the model wants {kind}") from error


def _is_missing(column: pa.ChunkedArray) -> Any:
    """Which answers are null, NaN or infinite."""
    missing = column.is_null(nan_is_null=True).to_numpy()
    if pa.types.is_floating(column.type):
        numbers = column.fill_null(0).to_numpy()
        missing = missing | ~np.isfinite(numbers)
    return missing
