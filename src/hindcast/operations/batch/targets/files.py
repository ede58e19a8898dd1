"""A file of answers, here or on S3, and one of errors beside it; both appear when all is done."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pydantic import field_validator

from hindcast.errors import HindcastError, InputError, first_line
from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.values import Strict
from hindcast.stores import aws

ENDINGS = (".csv", ".jsonl", ".parquet")
_ANSWERS, _ERRORS = "answers", "errors"


def check_ending(path: str) -> str:
    """The path; raises ValueError unless its ending says how it is written."""
    if not path.endswith(ENDINGS):
        raise ValueError(f"ends in none of {', '.join(ENDINGS)}; end it in one of them")
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


class LocalTarget:
    """Chunks wait in files of the home, one each; the last step makes the target of them."""

    Params: type[Strict] = LocalTargetParams

    def __init__(self, params: Any, context: PartContext) -> None:
        """Find what of the run waits already."""
        self._path, self._parts = Path(params.path), _waiting(context)
        self.facts: Mapping[str, Any] = {"path": params.path}

    def written(self) -> int:
        """How many chunks wait."""
        return len(list(self._parts.glob(f"{_ANSWERS}-*.parquet")))

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Keep a chunk until the end; its answers appear last, and whole."""
        for name, table in ((_ERRORS, errors), (_ANSWERS, answers)):
            path = self._parts / f"{name}-{chunk:08}.parquet"
            part = path.with_suffix(".part")
            with _told(path):
                pq.write_table(table, part)
                part.replace(path)

    def finish(self) -> None:
        """Make the files of answers and errors; each appears whole."""
        for name, path in ((_ERRORS, errors_path(self._path)), (_ANSWERS, self._path)):
            part = path.with_name(f".{path.name}.part")
            with _told(path):
                joined(sorted(self._parts.glob(f"{name}-*.parquet")), part, path.suffix)
                part.replace(path)

    def close(self) -> None:
        """What waits is no longer needed once the target is there."""
        if self._path.exists():
            shutil.rmtree(self._parts, ignore_errors=True)


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


class S3Target(LocalTarget):
    """An object of answers and one of errors, uploaded when all is done."""

    Params: type[Strict] = S3TargetParams

    def __init__(self, params: Any, context: PartContext) -> None:
        """Find what of the run waits already."""
        self._parts = _waiting(context)
        self._uri, self._path = params.uri, self._parts / Path(params.uri).name
        self.facts = {"uri": params.uri}

    def finish(self) -> None:
        """Make the files and upload them, the answers last."""
        super().finish()
        bucket, _, key = self._uri.removeprefix("s3://").partition("/")
        objects = ((errors_path(self._path), str(errors_path(Path(key)))), (self._path, key))
        for path, name in objects:
            with aws.one_error(self._uri):
                aws.client("s3").upload_file(str(path), bucket, name)


def errors_path(path: Path) -> Path:
    """Where the errors of a target go: scores.csv -> scores.errors.csv."""
    return path.with_suffix(f".errors{path.suffix}")


def joined(parts: list[Path], path: Path, ending: str) -> None:
    """Write the rows of Parquet files to one file, a part at a time."""
    schema = pq.read_schema(parts[0])
    with path.open("wb") as stream:
        if ending == ".parquet":
            with pq.ParquetWriter(stream, schema) as writer:
                for table in map(pq.read_table, parts):
                    writer.write_table(table.cast(schema))
        elif ending == ".csv":
            with pyarrow.csv.CSVWriter(stream, schema) as writer:
                for table in map(pq.read_table, parts):
                    writer.write_table(table.cast(schema))
        else:
            for line in _lines(parts):
                stream.write(line)


def _lines(parts: list[Path]) -> Iterator[bytes]:
    for part in parts:
        for batch in pq.ParquetFile(part).iter_batches():
            for row in batch.to_pylist():
                yield json.dumps(row, default=str).encode() + b"\n"


def _waiting(context: PartContext) -> Path:
    folder = context.application.settings.home / "batch" / context.run
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What cannot be written, as one line."""
    try:
        yield
    except pa.ArrowException as error:
        raise InputError(f"{path}: cannot be written: {first_line(error)}") from error
    except OSError as error:
        raise HindcastError(f"{path}: cannot be written: {first_line(error)}") from error
