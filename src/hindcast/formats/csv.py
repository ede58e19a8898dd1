"""CSV: the header, and which of two readers a file needs."""

from pathlib import Path

from hindcast.errors import InputError
from hindcast.formats import csv_lines, csv_records
from hindcast.formats.csv_lines import CsvLines
from hindcast.formats.csv_records import CsvRecords
from hindcast.formats.torn import check_distinct


def opened(path: Path, name: str, folder: Path) -> CsvLines | CsvRecords:
    """A plain file with its columns; what must be unfolded first goes to the folder.

    Raises InputError for a header that names no columns, or two alike, and for an open quote.
    """
    columns = header(path, name)
    found = csv_lines.look(path)
    # In a file of one column a blank line is a row, which DuckDB leaves out.
    if found is None or (len(columns) == 1 and found.blank):
        return CsvRecords(path, name, columns, folder)
    return CsvLines(path, name, columns, found)


def header(path: Path, name: str) -> list[str]:
    """The columns that the first record names; raises InputError for none, or for two alike."""
    with csv_records.text(path) as stream:
        first = next(csv_records.records(stream, name), None)
    if first is None or not first.cells:
        raise InputError(f"{name}: the file is empty; its first line must name the columns")
    columns = first.cells
    if "" in columns:
        raise InputError(
            f"{name}: column {columns.index('') + 1} of the header has no name; name it, or "
            "remove the comma too many"
        )
    check_distinct(columns, name, "the header")
    return columns
