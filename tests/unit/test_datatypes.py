"""Column types are read as definitions write them, and known to every engine and to Arrow."""

import pyarrow as pa
import pytest

from hindcast import datatypes
from hindcast.datatypes import DataType
from hindcast.engines.duckdb import session
from hindcast.errors import DefinitionError

PLAIN = ["bigint", "double", "boolean", "string", "date", "timestamp", "decimal(18,2)"]
WRITTEN = [*PLAIN, "double[3]"]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_type_is_written_as_it_was_read(text: str) -> None:
    assert str(datatypes.parse(text)) == text


def test_usual_other_words_are_read_too() -> None:
    words = {"int": "bigint", "float": "double", "text": "string", "uuid": "string"}
    assert {word: str(datatypes.parse(word)) for word in words} == words


def test_spaces_do_not_matter() -> None:
    assert datatypes.parse(" decimal( 18 , 2 ) ") == DataType("decimal", 18, 2)


@pytest.mark.parametrize("text", ["decimal(1,0)", "decimal(38,38)", "decimal(38,0)"])
def test_a_decimal_has_up_to_38_digits(text: str) -> None:
    assert str(datatypes.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "integer",
        "BIGINT",
        "",
        "decimal",
        "decimal(0,0)",
        "decimal(39,2)",
        "decimal(2,3)",
        "decimal(18)",
        "decimal(-1,0)",
        "bigint; drop table raw",
        "double[0]",
        "double[4097]",
        "double[]",
        "bigint[3]",
    ],
)
def test_an_unknown_type_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        datatypes.parse(text)
    assert str(raised.value) == (
        f"unknown type '{text}'; use one of bigint, double, boolean, string, date, timestamp, "
        "int, float, text, uuid, decimal(p,s) with p <= 38, double[n] with n from 1 to 4096"
    )


def test_a_model_reads_numbers_and_booleans_and_not_text_or_time() -> None:
    numeric = [text for text in WRITTEN if datatypes.parse(text).is_numeric]
    assert numeric == ["bigint", "double", "boolean", "decimal(18,2)"]


@pytest.mark.parametrize(
    ("text", "duckdb", "spark", "postgres"),
    [
        ("bigint", "BIGINT", "BIGINT", "BIGINT"),
        ("double", "DOUBLE", "DOUBLE", "FLOAT8"),
        ("string", "VARCHAR", "STRING", "TEXT"),
        ("timestamp", "TIMESTAMPTZ", "TIMESTAMP", "TIMESTAMPTZ"),
        ("decimal(18,2)", "DECIMAL(18,2)", "DECIMAL(18,2)", "DECIMAL(18,2)"),
    ],
)
def test_each_engine_has_its_name_for_a_type(
    text: str, duckdb: str, spark: str, postgres: str
) -> None:
    kind = datatypes.parse(text)
    assert [kind.sql(name) for name in ("duckdb", "spark", "postgres")] == [duckdb, spark, postgres]


@pytest.mark.parametrize("text", WRITTEN)
def test_what_duckdb_hands_over_is_the_arrow_type(text: str) -> None:
    kind = datatypes.parse(text)
    with session() as connection:
        table = connection.sql(f"SELECT CAST(NULL AS {kind.sql('duckdb')}) AS x").to_arrow_table()
    assert table.schema.field("x").type == kind.arrow()


def test_timestamps_are_utc_instants_of_microseconds() -> None:
    assert datatypes.TIMESTAMP.arrow() == pa.timestamp("us", tz="UTC")
