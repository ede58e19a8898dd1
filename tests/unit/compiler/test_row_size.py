"""A view whose online row Postgres could not hold is refused; one that fits by a byte is not."""

import psycopg
import pytest

from hindcast.compiler.features import compile_view
from hindcast.compiler.row_size import MOST_BYTES, MOST_COLUMNS, most_bytes
from hindcast.datatypes import DataType, parse
from hindcast.definitions import Entity, Feature, FeatureView, Source, latest
from hindcast.errors import DefinitionError

# Values that take the most room inside a row.
LARGEST = {
    "bigint": "9223372036854775807",
    "double": "1e308",
    "boolean": "true",
    "date": "'2020-01-01'",
    "timestamp": "'2020-01-01'",
    "string": f"'{'x' * 23}'",
    "decimal(18,6)": "123456789012.123456",
    "decimal(38,0)": "9" * 38,
}


def wide_view(kind: str, count: int) -> FeatureView:
    names = [f"c{number}" for number in range(count)]
    schema = {"id": "bigint", "ts": "timestamp", "n": "bigint", **dict.fromkeys(names, kind)}
    source = Source("wide", Entity("thing", "id"), "ts", "n", schema)
    features = [Feature(f"f{name}", name, over=latest()) for name in names]
    return FeatureView("wide", source, features)


@pytest.mark.parametrize("kind", LARGEST)
def test_the_widest_row_that_is_allowed_is_one_that_postgres_holds(
    module_database_url: str, kind: str
) -> None:
    columns: dict[str, DataType] = {}
    while most_bytes({**columns, f"c{len(columns)}": parse(kind)}) <= MOST_BYTES:
        if len(columns) == MOST_COLUMNS:
            break
        columns[f"c{len(columns)}"] = parse(kind)
    listed = ", ".join(f"{name} {datatype.postgres_column()}" for name, datatype in columns.items())
    values = ", ".join([LARGEST[kind]] * len(columns))
    with psycopg.connect(module_database_url) as connection:
        connection.execute(f"CREATE TEMPORARY TABLE wide ({listed})")
        assert connection.execute(f"INSERT INTO wide VALUES ({values})").rowcount == 1


@pytest.mark.parametrize(
    ("kind", "count"), [("double", 1_100), ("string", 340), ("boolean", 1_598)]
)
def test_a_view_too_wide_for_a_row_is_refused_with_the_limit(kind: str, count: int) -> None:
    with pytest.raises(DefinitionError, match=r"feature view 'wide': its online row .* 8160 bytes"):
        compile_view(wide_view(kind, count))
    assert compile_view(wide_view(kind, count * 9 // 10)).features
