"""A model in an ONNX file, whose inputs are columns of the rows."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast.data.training_rows import column_numbers, column_texts
from hindcast.errors import InputError, ReleaseError, first_line
from hindcast.formats.objects import local
from hindcast.operations.batch.models.parting import parted, without
from hindcast.operations.batch.parts import PartContext, Refused, ScoredChunk
from hindcast.operations.batch.values import Strict
from hindcast.serving.release import open_model

_INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_TEXT = "tensor(string)"


class OnnxModelParams(Strict):
    """path: a file or s3:// object. columns: of its only input, in order.

    keys: columns to keep beside the answers. digest: the file's SHA-256, refused if it is
    another.
    """

    path: str
    columns: Sequence[str] = ()
    keys: Sequence[str] = ()
    digest: str | None = None


class OnnxModel:
    """Scores rows by a file; its columns are stacked where the model has one input of a width."""

    Params = OnnxModelParams

    def __init__(self, params: OnnxModelParams, context: PartContext) -> None:
        """Open the file; raises InputError for one that is not there or no such model."""
        with local(params.path) as path:
            content = Path(path).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if params.digest not in (None, digest):
            raise InputError(f"{params.path}: its SHA-256 is {digest}, not {params.digest}")
        try:
            self._session = open_model(content)
        except ReleaseError as error:
            raise InputError(f"{params.path}: {first_line(error)}") from error
        self._inputs = {node.name: node for node in self._session.get_inputs()}
        self._params = params
        if params.columns and len(self._inputs) != 1:
            raise InputError(
                f"{params.path}: it has the inputs {', '.join(self._inputs)}, each a column of its "
                "name; leave columns out"
            )
        self.name = f"onnx-{digest[:12]}"
        self.reads: Sequence[str] = params.columns or list(self._inputs)
        self.keys: Sequence[str] = params.keys
        self.facts: Mapping[str, Any] = {"model": params.path, "digest": digest}

    def score(self, rows: pa.Table) -> ScoredChunk:
        """The outputs beside the rows' columns, by the names that the model has for them."""
        read, refused = parted(rows, self._read)
        if not read.num_columns:
            return ScoredChunk(
                rows.slice(0, 0), [Refused(*each) for each in sorted(refused.items())]
            )
        found = self._outputs(read)
        beside = without(rows, refused)
        answered = pa.table({**{n: beside[n] for n in beside.column_names}, **found})
        return ScoredChunk(answered, [Refused(*each) for each in sorted(refused.items())])

    def close(self) -> None:
        """Nothing is open between chunks."""

    def _read(self, rows: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """The columns as the inputs take them; raises InputError for a row with what is none."""
        found = {}
        for name in self.reads:
            node = self._inputs.get(name) or next(iter(self._inputs.values()))
            found[name] = rows[name] if node.type == _TEXT else _number(rows[name], name, node.type)
        return pa.table(found), {}

    def _outputs(self, read: pa.Table) -> dict[str, Any]:
        try:
            values = self._session.run(None, self._feed(read))
        except Exception as error:  # ONNX Runtime's errors have no root of their own.
            raise InputError(f"{self._params.path}: cannot be run: {first_line(error)}") from error
        nodes = self._session.get_outputs()
        return {
            name: column
            for node, value in zip(nodes, values, strict=True)
            for name, column in _output(node.name, value)
        }

    def _feed(self, read: pa.Table) -> dict[str, NDArray[Any]]:
        if self._params.columns:
            (node,) = self._inputs.values()
            return {node.name: np.column_stack([_array(read[n], node.type) for n in self.reads])}
        return {
            name: _array(read[name], node.type).reshape(-1, 1)
            for name, node in self._inputs.items()
        }


def _number(column: pa.ChunkedArray, name: str, kind: str) -> pa.ChunkedArray:
    """Numbers of an input's kind; text that is one is taken for it."""
    if kind not in {**_INTEGERS, **_FLOATS}:
        raise InputError(f"input '{name}' is a {kind}; give a model of numbers and text")
    is_whole = kind in _INTEGERS
    if is_whole and column.null_count:
        raise InputError(f"{name} is empty; the model takes whole numbers")
    try:
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        return column.cast(pa.int64() if is_whole else pa.float64())
    except pa.ArrowInvalid as error:
        raise InputError(f"{name} is not a number: {first_line(error)}") from error


def _array(column: pa.ChunkedArray, kind: str) -> NDArray[Any]:
    if kind == _TEXT:
        return column_texts(column)
    return column_numbers(column).astype(_FLOATS.get(kind) or _INTEGERS[kind])


def _output(name: str, value: Any) -> list[tuple[str, Any]]:
    """An output as columns: one of its name, or one for each of several numbers or labels."""
    if isinstance(value, list):  # A sequence of maps, as older classifiers have it.
        labels = list(dict.fromkeys(label for row in value for label in row))
        return [(f"{name}_{label}", [row.get(label) for row in value]) for label in labels]
    if value.ndim == 1 or value.shape[1] == 1:
        return [(name, pa.array(value.reshape(-1)))]
    return [(f"{name}_{place}", pa.array(column)) for place, column in enumerate(value.T)]
