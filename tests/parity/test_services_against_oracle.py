"""A question over several views, request values and derived features, as a plain oracle has it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hindcast.bootstrap import engine as engine_of
from hindcast.compiler import question
from hindcast.compiler.query import Knowledge
from hindcast.compiler.serving import serving_query
from hindcast.data import known_then, retrieve, training_set
from hindcast.data.materialize import materialize
from hindcast.errors import InputError
from hindcast.formats.spine_file import Rows
from hindcast.serving import store as serving
from hindcast.serving.requests import Question
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore
from tests.parity import shops
from tests.parity.shops import Row, ShopQuestion

LENIENT = (
    HealthCheck.too_slow,
    HealthCheck.function_scoped_fixture,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
)
END = datetime(2100, 1, 1, tzinfo=shops.START.tzinfo)
History = tuple[list[Row], list[Row]]


def spine_of(questions: list[ShopQuestion]) -> pa.Table:
    return pa.table(
        {
            "buyer": pa.array([each.buyer for each in questions], pa.int64()),
            "land": pa.array([each.land for each in questions], pa.string()),
            "number": pa.array([each.number for each in questions], pa.int64()),
            "amount": pa.array([each.amount for each in questions], pa.decimal128(10, 2)),
            "as_of": pa.array([each.at for each in questions], shops.INSTANT),
        }
    )


def check_historical(name: str, folder: Path, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(history=shops.histories(), questions=shops.QUESTIONS)
    def holds(history: History, questions: list[ShopQuestion]) -> None:
        shops.write(str(folder), *history)
        found = retrieve.retrieve(
            shops.compiled(), engine_of(name), Lake(str(folder)),
            Rows(spine_of(questions)), END,
        )  # fmt: skip
        for place, (row, asked) in enumerate(zip(found.table.to_pylist(), questions, strict=True)):
            expected = shops.expected(*history, asked)
            unseen = expected.pop("unseen")
            assert {feature: row[feature] for feature in expected} == expected
            assert {v for v, seen in found.seen.items() if not seen[place].as_py()} == unseen

    holds()


@pytest.mark.parametrize("crowded", [0, known_then.CROWDED], ids=["rows", "instants"])
def test_a_question_is_answered_from_all_its_views_as_of_its_instant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowded: int
) -> None:
    monkeypatch.setattr(known_then, "CROWDED", crowded)
    check_historical("duckdb", tmp_path, examples=9)


def test_spark_answers_a_question_alike(tmp_path: Path) -> None:
    check_historical("spark", tmp_path, examples=2)


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=LENIENT)
@given(history=shops.histories(), as_of=st.sampled_from([shops.START + timedelta(days=60), END]))
def test_training_rows_are_the_events_as_questions_asked_then(
    tmp_path: Path, history: History, as_of: datetime
) -> None:
    """And a release that carries the service as a document asks the same."""
    shops.write(str(tmp_path), *history)
    document = question.to_document(shops.compiled(), shops.learned())
    asked = question.from_document(document)
    knowledge = Knowledge(as_of, END)
    data = training_set.build(*asked, "answer", engine_of("duckdb"), Lake(str(tmp_path)), knowledge)
    sold, back = history
    labels = {
        row["of"]: row["late"]
        for row in sorted(back, key=lambda row: (row["day"], row["nr"]))
        if row["late"] is not None and _midnight(row["day"]) < as_of
    }
    mature = [
        row
        for row in shops.last_records(sold)
        if row["at"] < as_of - shops.MATURES and row["sale"] in labels
    ]
    assume(mature)
    mature.sort(key=lambda row: (row["buyer"], row["at"], row["sale"]))
    rows = data.table.to_pylist()
    assert [row["label"] for row in rows] == [labels[row["sale"]] for row in mature]
    for row, event in zip(rows, mature, strict=True):
        keys = (event["buyer"], event["land"], event["number"])
        expected = as_learned(
            sold, back, ShopQuestion(*keys, event["amount"], event["at"], event["sale"])
        )
        assert {column: row[column] for column in expected} == expected


def as_learned(sold: list[Row], back: list[Row], asked: ShopQuestion) -> Row:
    """The features of a question as a model reads them: of an array, each number."""
    expected = shops.expected(sold, back, asked)
    del expected["unseen"]
    first, second = expected.pop("taste") or (None, None)
    return {**expected, "taste_0": first, "taste_1": second}


def test_a_callers_rows_are_trained_on_as_questions_of_their_instants(tmp_path: Path) -> None:
    """Their labels are the file's; a row does not see the sale that it may be of."""
    at = shops.START + timedelta(days=40)
    sale = {"buyer": 1, "land": "NL", "number": 1, "at": at, "sale": 3, "amount": Decimal("7.00")}
    sale["taste"] = [0.1, -0.0]
    back = {"who": 1, "day": at.date(), "nr": 0, "late": 1, "of": 3}
    shops.write(str(tmp_path), [sale], [back])
    asked = [
        ShopQuestion(1, "NL", 1, Decimal("2.00"), at + timedelta(days=day)) for day in (0, 1, 2, 90)
    ]
    labels = pa.array([1, 0, None, 1], pa.int64())
    spine = Rows(spine_of(asked).append_column("label", labels), "mine.parquet", None, "digest")
    knowledge = Knowledge(at + timedelta(days=80), END)
    lake, engine = Lake(str(tmp_path)), engine_of("duckdb")
    data = training_set.build(
        shops.compiled(), shops.learned(), "answer", engine, lake, knowledge, spine=spine
    )
    assert data.left_out == {"no label known yet": 1, "label not mature yet": 1}
    rows = data.table.to_pylist()
    assert [row["label"] for row in rows] == [1, 0]
    for row, question_ in zip(rows, asked, strict=False):
        expected = as_learned([sale], [back], question_)
        assert {name: row[name] for name in expected} == expected
    assert data.inputs["spine/mine.parquet"] == {"sha256": "digest"}


def _midnight(day: object) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00")


def test_online_it_is_one_select_that_gives_the_same(tmp_path: Path, database_url: str) -> None:
    @settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(
        history=shops.histories().filter(lambda found: found[0] and found[1]),
        questions=shops.QUESTIONS.filter(bool),
        later=st.sampled_from([timedelta(0), timedelta(hours=5)]),
    )
    def holds(history: History, questions: list[ShopQuestion], later: timedelta) -> None:
        shops.write(str(tmp_path), *history)
        as_of = shops.START + timedelta(days=60)
        if materialized(Lake(str(tmp_path)), database_url, as_of):
            check_online(database_url, history, questions, as_of, later)

    holds()


def materialized(lake: Lake, url: str, as_of: datetime) -> bool:
    """Whether every view has some entity online; where nothing happened before, none has."""
    with OnlineStore(url) as store:
        for view in shops.compiled().views:
            knowledge, engine = Knowledge(as_of, END), engine_of("duckdb")
            try:
                materialize(view, engine, lake, store, knowledge, force=True)
            except InputError:
                return False
    return True


def check_online(
    url: str, history: History, questions: list[ShopQuestion], as_of: datetime, later: timedelta
) -> None:
    """Each question is answered as the oracle does; where no view has its keys, by nothing."""
    reader = serving.OnlineReader(serving.Database(url), serving_query(shops.compiled()))
    for asked in questions:
        keys = (asked.land, asked.number, asked.buyer)
        row = reader.read(Question(keys, (asked.amount,)), as_of + later)
        expected = shops.expected(*history, replace(asked, at=as_of, later=later))
        unseen = expected.pop("unseen")
        assert (row is None) == (len(unseen) == 3)
        if row is not None:
            assert set(filter(None, row["_unseen"].split(","))) == unseen
            assert row["features_as_of"] == as_of
            assert {name: row[name] for name in expected} == as_served(expected)
    reader.close()


def as_served(row: Row) -> Row:
    """The driver hands decimals to models as floats."""
    return {n: float(value) if isinstance(value, Decimal) else value for n, value in row.items()}
