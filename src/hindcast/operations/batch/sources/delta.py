"""A Delta table at one version."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from pydantic import BeforeValidator, model_validator

from hindcast.errors import InputError, first_line
from hindcast.operations.batch.parts import PartContext, Refused
from hindcast.operations.batch.sources.files import rechunked
from hindcast.operations.batch.splits import RowSplit, cut
from hindcast.operations.batch.values import Strict, as_instant


class DeltaSourceParams(Strict):
    """uri: a folder or s3:// address. columns: those to read, by default all."""

    uri: str
    version: int | None = None
    as_of: Annotated[datetime, BeforeValidator(as_instant)] | None = None
    columns: list[str] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "DeltaSourceParams":
        if self.version is not None and self.as_of is not None:
            raise ValueError("version and as_of are both given; leave one")
        return self


class DeltaSource:
    """Rows of a table: its newest version, one by number, or the one of an instant."""

    Params = DeltaSourceParams

    is_repeatable = True
    refused: Sequence[Refused] = ()

    def __init__(self, params: DeltaSourceParams, context: PartContext) -> None:
        """Open the table; raises InputError where it, its version or a column is not there."""
        self._params = params
        self._split: RowSplit | None = None
        try:
            # A run that goes on reads the version that it was begun with.
            version = context.begun.get("source", {}).get("version", params.version)
            self._table = DeltaTable(params.uri, version=version)
            if params.as_of is not None:
                self._table.load_as_version(params.as_of)
            self._dataset = self._table.to_pyarrow_dataset()
        except TableNotFoundError as error:
            raise InputError(f"data.source.params.uri: {params.uri} is no Delta table") from error
        except (DeltaError, OSError) as error:
            raise InputError(f"{params.uri}: cannot be read: {first_line(error)}") from error
        held = self._dataset.schema.names
        self.columns: Sequence[str] = params.columns or held
        if missing := [name for name in self.columns if name not in held]:
            raise InputError(
                f"data.source.params.columns: {params.uri} has no column '{missing[0]}'; it has "
                f"{', '.join(held)}"
            )
        self.facts: Mapping[str, Any] = {"table": params.uri, "version": self._table.version()}

    def tables(self, rows: int) -> Iterator[pa.Table]:
        """The rows, file by file in the order of their names."""
        return rechunked(self._read(rows), rows)

    def splits(self) -> Iterator[RowSplit]:
        """The row groups of its files."""
        for each in self._fragments():
            yield from cut(each.path, [group.num_rows for group in each.row_groups])

    def only(self, split: RowSplit) -> None:
        """Read no other rows from now on."""
        self._split = split

    def close(self) -> None:
        """Nothing is open between reads."""

    def _read(self, rows: int) -> Iterator[pa.Table]:
        wanted = {"columns": list(self.columns), "schema": self._dataset.schema}
        for fragment in self._fragments():
            for batch in fragment.scanner(
                **wanted, batch_size=rows, use_threads=False
            ).to_batches():
                yield pa.Table.from_batches([batch])

    def _fragments(self) -> list[Any]:
        """The files in the order of their names, or the only row groups that are read."""
        found = sorted(self._dataset.get_fragments(), key=lambda each: str(each.path))
        if (only := self._split) is None:
            return found
        file = next(each for each in found if each.path == only.file)
        return [file.subset(row_group_ids=only.groups)]
