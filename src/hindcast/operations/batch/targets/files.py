"""A file of answers, here or on S3, and one of errors beside it; each appears when it is whole."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import field_validator

from hindcast.formats import table_file
from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.targets.spool import SpooledTarget
from hindcast.operations.batch.values import Strict
from hindcast.stores import aws


def check_ending(path: str) -> str:
    """The path; raises ValueError unless its ending says how it is written."""
    endings = table_file.OUT_ENDINGS
    if not path.endswith(endings):
        raise ValueError(f"ends in none of {', '.join(endings)}; end it in one of them")
    return path


class LocalTargetParams(Strict):
    """path: ends in .csv, .jsonl or .parquet; what is there is replaced."""

    path: str

    _ending = field_validator("path")(check_ending)

    @field_validator("path")
    @classmethod
    def _has_folder(cls, path: str) -> str:
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}; make it")
        return path


class LocalTarget(SpooledTarget):
    """A file of this machine."""

    Params = LocalTargetParams

    def __init__(self, params: LocalTargetParams, context: PartContext) -> None:
        super().__init__(context)
        self._path = Path(params.path)
        self.facts: Mapping[str, Any] = {"path": params.path}

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Write the answers."""
        table_file.write_batches(answers, self._path)

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """Write the rows without an answer."""
        table_file.write_batches(errors, self._path.with_name(of_errors(self._path.name)))


class S3TargetParams(Strict):
    """uri: s3://bucket/key that ends in .csv, .jsonl or .parquet."""

    uri: str

    _ending = field_validator("uri")(check_ending)

    @field_validator("uri")
    @classmethod
    def _is_there(cls, uri: str) -> str:
        if not uri.startswith("s3://") or "/" not in uri.removeprefix("s3://"):
            raise ValueError("is no address such as s3://bucket/key; use type local_file")
        return uri


class S3Target(SpooledTarget):
    """An object, written here and uploaded whole."""

    Params = S3TargetParams

    def __init__(self, params: S3TargetParams, context: PartContext) -> None:
        super().__init__(context)
        self._uri = params.uri
        self.facts: Mapping[str, Any] = {"uri": params.uri}

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Upload the answers."""
        _upload(answers, self._uri)

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """Upload the rows without an answer."""
        folder, _, name = self._uri.rpartition("/")
        _upload(errors, f"{folder}/{of_errors(name)}")


def of_errors(name: str) -> str:
    """What the errors of a target are called: scores.csv -> scores.errors.csv."""
    stem, _, ending = name.rpartition(".")
    return f"{stem}.errors.{ending}"


def _upload(rows: pa.RecordBatchReader, uri: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hindcast-batch-") as folder:
        path = Path(folder) / uri.rpartition("/")[2]
        table_file.write_batches(rows, path)
        aws.upload(path, uri)
