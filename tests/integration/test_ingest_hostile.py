"""Whatever a file holds, accepted and quarantined rows are its records, each once and whole."""

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hindcast.data.ingest import IngestReport, add_file
from hindcast.definitions import Entity, Source
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import NOW, quarantine, raw
from tests.unit.formats import hostile, pack
from tests.unit.formats.hostile import HEADER, Found

DAY = {"day": "2021-05-01"}
PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": pack.zstd}
COLUMNS = [*HEADER, *DAY]
SOURCE = Source(
    "hostile",
    entity=Entity("one", key="one"),
    event_timestamp="day",
    tiebreaker="two",
    schema={"one": "string", "two": "string", "three": "string", "day": "date"},
)


@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(content=hostile.files(DAY), ending=st.sampled_from(["", ".gz", ".zst"]), cut=st.booleans())
def test_every_record_is_accepted_or_quarantined_or_the_file_is_refused(
    content: bytes, ending: str, cut: bool
) -> None:
    packed = PACK[ending](content)
    is_damaged = cut and ending != ""
    expected = hostile.found(content)
    with tempfile.TemporaryDirectory(prefix="hindcast-hostile-") as folder:
        path, lake = Path(folder) / f"some.csv{ending}", Lake(folder + "/lake")
        path.write_bytes(packed[:-3] if is_damaged else packed)
        if is_damaged or expected.open_line:
            with pytest.raises(InputError):
                add_file(path, SOURCE, lake, NOW, force=True)
            assert raw(lake, SOURCE) == quarantine(lake, SOURCE) == []
        else:
            check(add_file(path, SOURCE, lake, NOW, force=True), lake, expected)


def check(report: IngestReport, lake: Lake, expected: Found) -> None:
    """The lake has each record that was expected, and no other."""
    good = [cells for _, cells in expected.rows if is_good(cells)]
    bad = [(line, as_read(cells)) for line, cells in expected.rows if not is_good(cells)]
    assert [[str(row[name] or "") for name in COLUMNS] for row in raw(lake, SOURCE)] == [
        [cell or "" for cell in cells] for cells in good
    ]
    kept = [(row["line"], row["record"]) for row in quarantine(lake, SOURCE)]
    assert [(line, whole(record)) for line, record in kept] == sorted(
        [*bad, *expected.torn], key=lambda each: each[0]
    )
    assert (report.accepted, report.quarantined) == (len(good), len(kept))


def is_good(cells: list[str | None]) -> bool:
    """Whether the source takes a row."""
    one, two, _, day = cells
    is_whole = one is not None and two is not None and len(one.encode()) <= 2600
    return is_whole and "\0" not in "".join(cell or "" for cell in cells) and day == DAY["day"]


def as_read(cells: list[str | None]) -> dict[str, str | None]:
    """A refused row as quarantine keeps it."""
    return dict(zip(COLUMNS, cells, strict=True))


def whole(record: str) -> Any:
    """What quarantine kept: a row as it was read, or the text of a torn record."""
    return json.loads(record) if record.startswith("{") else record
