"""CSV: the header, and which of two readers a file needs."""

from pathlib import Path

from hindcast.definitions import Csv
from hindcast.errors import InputError, UnlikeSourceError
from hindcast.formats import csv_lines, csv_records
from hindcast.formats.csv_lines import CsvLines
from hindcast.formats.staged import StagedFile
from hindcast.formats.torn import check_distinct


def opened(path: Path, name: str, folder: Path, form: Csv) -> CsvLines | StagedFile:
    """A plain file of UTF-8 with its columns; what must be unfolded first goes to the folder.

    Raises InputError for a header that names no columns, or two alike, and for an open quote.
    """
    columns = header(path, name, form)
    found = csv_lines.look(path, form)
    # In a file of one column a blank line is a row, which DuckDB leaves out.
    if found is None or (len(columns) == 1 and found.blank):
        records = csv_records.rows(path, name, len(columns), form)
        return StagedFile(name, columns, records, folder)
    return CsvLines(path, name, columns, found)


def header(path: Path, name: str, form: Csv) -> list[str]:
    """The columns that the first record names; raises InputError for none, or for two alike.

    UnlikeSourceError says that it is written in another encoding.
    """
    with csv_records.text(path) as stream:
        first = next(csv_records.records(stream, name, form), None)
    if first is None:
        raise InputError(f"{name}: the file is empty; its first line must name the columns")
    if not first.cells:
        raise InputError(f"{name} line 1: it is blank, and must name the columns; remove it")
    columns = first.cells
    try:
        "".join(columns).encode()
    except UnicodeEncodeError as error:
        raise UnlikeSourceError(
            f"{name}: its header is not {form.encoding.upper()} text; declare the file's encoding"
        ) from error
    if "" in columns:
        raise InputError(
            f"{name}: column {columns.index('') + 1} of the header has no name; name it, or "
            "remove the extra delimiter"
        )
    check_distinct(columns, name, "the header")
    return columns
