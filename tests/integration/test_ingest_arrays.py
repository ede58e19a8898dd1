"""Arrays of doubles: the same lists come in from every format, and what is none is told why."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.definitions import Check, Csv
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, HEADER, add, orders, quarantine, raw

pictures = replace(
    orders,
    schema={**orders.schema, "vector": "double[3]"},
    checks=[Check("vector is not null or rate > 0", on_fail="warn")],
)
by_semicolons = replace(pictures, format=Csv(delimiter=";", nulls=["NA"]))
VALUES = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
VECTOR = [0.1, -2.0, 1e-7]


def csv(folder: Path, *vectors: str) -> Path:
    """Good rows with these texts for their arrays."""
    path = folder / "orders.csv"
    lines = [[*VALUES, "vector"], *([*VALUES.values(), vector] for vector in vectors)]
    path.write_text("".join(";".join(line) + "\n" for line in lines))
    return path


def json_lines(folder: Path, *vectors: Any) -> Path:
    """The same as JSON, the arrays as lists."""
    path = folder / "orders.jsonl"
    path.write_text("".join(json.dumps({**VALUES, "vector": v}) + "\n" for v in vectors))
    return path


def parquet(folder: Path, vectors: pa.Array) -> Path:
    """The same as Parquet."""
    path = folder / "orders.parquet"
    own = {name: pa.array([value] * len(vectors)) for name, value in VALUES.items()}
    pq.write_table(pa.table({**own, "vector": vectors}), path)
    return path


def test_every_format_gives_the_same_list_and_null_is_null(tmp_path: Path, lake: Lake) -> None:
    add(csv(tmp_path, "[0.1, -2, 1e-7]", "", "NA"), lake, by_semicolons)
    add(json_lines(tmp_path, VECTOR, None), lake, pictures)
    add(parquet(tmp_path, pa.array([VECTOR, None], pa.list_(pa.float64(), 3))), lake, pictures)
    add(parquet(tmp_path, pa.array(["[0.1, -2, 1e-7]"])), lake, pictures)
    assert not quarantine(lake)
    found = [row["vector"] for row in raw(lake)]
    assert [vector for vector in found if vector is not None] == [VECTOR] * 4
    assert lake.find("raw", "orders").schema().to_arrow().field("vector").type == pa.list_(  # type: ignore[union-attr]
        pa.float64()
    )


def test_numbers_of_other_types_are_doubles(tmp_path: Path, lake: Lake) -> None:
    for kind in (pa.list_(pa.float32()), pa.large_list(pa.int32())):
        add(parquet(tmp_path, pa.array([[1, 2, 3]], kind)), lake, pictures)
    assert [row["vector"] for row in raw(lake)] == [[1.0, 2.0, 3.0]] * 2


REFUSED = {
    "[1, 2]": "vector has 2 numbers, not 3",
    "[]": "vector has 0 numbers, not 3",
    "[1, null, 3]": "vector has null at place 2, which is not a finite number",
    "[1, 2, x]": "vector has 'x' at place 3, which is not a finite number",
    "[1, 2, inf]": "vector has 'inf' at place 3, which is not a finite number",
    "[NaN, 2, 3]": "vector has 'NaN' at place 1, which is not a finite number",
    "[1_0, 2, 3]": "vector has '1_0' at place 1, which is not a finite number",
    "[[1, 2], 3, 4]": "vector has '[1, 2]' at place 1, which is not a finite number",
    "0.5": "vector is not a list such as [0.1, 0.2]",
    "[1, 2, 3": "vector is not a list such as [0.1, 0.2]",
}


def test_a_wrong_array_goes_to_quarantine_with_the_reason(tmp_path: Path, lake: Lake) -> None:
    report = add(csv(tmp_path, *REFUSED, "[1, 2, 3]"), lake, by_semicolons)
    found = quarantine(lake)
    assert {row["value"]: row["reason"] for row in found} == REFUSED
    assert {row["field"] for row in found} == {"vector"}
    assert report.accepted == 1


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ([1, None, 3], "vector has null at place 2, which is not a finite number"),
        ([1, "a, b", 3], "vector has 'a, b' at place 2, which is not a finite number"),
        ({"x": 1}, "vector is an object; declare the path of a plain value"),
    ],
    ids=["null", "text", "object"],
)
def test_json_that_is_no_array_is_refused(
    tmp_path: Path, lake: Lake, vector: Any, reason: str
) -> None:
    add(json_lines(tmp_path, vector), lake, pictures)
    assert [row["reason"] for row in quarantine(lake)] == [reason]


def test_another_length_than_what_is_held_is_refused(tmp_path: Path, lake: Lake) -> None:
    add(json_lines(tmp_path, None, VECTOR), lake, pictures)
    shorter = replace(pictures, schema={**pictures.schema, "vector": "double[2]"})
    message = r"column 'vector' holds double\[3\] and is now declared double\[2\]; keep the type"
    with pytest.raises(InputError, match=message):
        add(json_lines(tmp_path, [1, 2]), lake, shorter)
    assert len(raw(lake)) == 2


def test_a_column_without_lists_is_refused_as_a_whole(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(InputError, match="'vector' is DOUBLE, not a list of numbers; write double"):
        add(parquet(tmp_path, pa.array([0.5])), lake, pictures)
    with pytest.raises(InputError, match=r"'vector' is DOUBLE\[\]; write plain values"):
        add(
            parquet(tmp_path, pa.array([VECTOR])),
            lake,
            replace(orders, schema={**orders.schema, "vector": "double"}),
        )
