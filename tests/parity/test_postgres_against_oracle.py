"""Postgres evaluates request-time features as the oracle does, whatever its session's time zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hindcast import names
from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.service import of_view
from hindcast.compiler.serving import serving_query
from hindcast.definitions import Entity, Feature, FeatureView, Source, latest, prior
from tests.parity import oracle
from tests.parity.histories import BIRTHDAYS

SOURCE = Source(
    "events",
    entity=Entity("thing", key="key"),
    event_timestamp="at",
    tiebreaker="tie",
    schema={"key": "bigint", "at": "timestamp", "tie": "bigint", "born": "date",
            "money": "decimal(18,2)", "note": "string", "seen": "timestamp"},
)  # fmt: skip
VIEW = FeatureView(
    "things",
    SOURCE,
    [
        Feature("age", "years_between(born, as_of)"),
        Feature("days", "days_between(born, as_of)"),
        Feature("adult", "years_between(born, as_of) >= 18"),
        Feature("per_year", "money / years_between(born, as_of)"),
        Feature("share", "money / years_between(born, as_of) / 2"),
        Feature("known", "coalesce(years_between(born, as_of), -1)"),
        Feature("odd", "note = '100% \"as_of\"' and years_between(born, as_of) > 1"),
        Feature("since", "days_between(seen, as_of)"),
        Feature("total", "sum(money)", over=prior()),
        Feature("note", "note", over=latest()),
    ],
)
INSTANTS = st.one_of(
    st.integers(0, 6 * 366 * 86_400_000_000).map(
        lambda micros: datetime(2019, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    ),
    st.sampled_from(
        [
            datetime(year, month, day, hour, tzinfo=UTC)
            for year in (2020, 2021, 2024)
            for month, day in ((2, 28), (2, 29 if year != 2021 else 27), (3, 1))
            for hour in (0, 23)
        ]
    ),
)


@pytest.fixture(scope="module")
def view() -> CompiledView:
    return compile_view(VIEW)


def relation(view: CompiledView) -> str:
    """What the serving query reads."""
    return f"{names.ONLINE_SCHEMA}.{names.online_relation('things', view.definition_hash)}"


@pytest.fixture(scope="module")
def connection(module_database_url: str, view: CompiledView) -> Any:
    """A session in Kathmandu, five and three quarter hours ahead of UTC."""
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        columns = ", ".join(
            f'"{name}" {kind.postgres_column()}' for name, kind in view.online_columns.items()
        )
        connection.execute(f"CREATE SCHEMA {names.ONLINE_SCHEMA}")
        connection.execute(
            f"CREATE TABLE {relation(view)} ({columns}, features_as_of timestamptz "
            "DEFAULT now(), materialization text DEFAULT 'run')"
        )
        connection.execute("SET TimeZone = 'Asia/Kathmandu'")
        yield connection


@settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    born=st.none() | BIRTHDAYS | st.dates(date(1990, 1, 1), date(2025, 1, 1)),
    seen=st.none() | INSTANTS,
    money=st.none() | st.decimals(-1000, 1000, places=2),
    note=st.none() | st.sampled_from(['100% "as_of"', "as_of", "%s"]),
    as_of=INSTANTS,
)
def test_request_time_features_are_the_oracles(
    connection: psycopg.Connection[Any],
    view: CompiledView,
    born: date | None,
    seen: datetime | None,
    money: Any,
    note: str | None,
    as_of: datetime,
) -> None:
    table = relation(view)
    connection.execute(f"DELETE FROM {table}")
    connection.execute(
        f'INSERT INTO {table} (key, total, note, "_born", "_seen", "_money", "_note") '
        "VALUES (1, %s, %s, %s, %s, %s, %s)",
        (money, note, born, seen, money, note),
    )
    wanted = [feature.name for feature in view.features]
    cursor = connection.execute(serving_query(of_view(view, wanted)), {"key_0": 1, "as_of": as_of})
    found = cursor.fetchone()
    assert found is not None
    got = dict(zip(wanted, found, strict=False))

    day = as_of.date()
    years = oracle.years_between(born, day)
    assert got["age"] == years
    assert got["days"] == (None if born is None or born > day else (day - born).days)
    assert got["adult"] == (None if years is None else years >= 18)
    assert got["per_year"] == oracle.divide(money, years)
    share = oracle.divide(oracle.divide(money, years), 2)
    assert got["share"] == share
    assert got["known"] == (-1 if years is None else years)
    assert got["odd"] == _and(None if note is None else note == '100% "as_of"',
                              None if years is None else years > 1)  # fmt: skip
    assert got["since"] == _days(seen, day)
    assert got["total"] == oracle.as_float(money)
    assert got["note"] == note


def _days(seen: datetime | None, day: date) -> int | None:
    return None if seen is None or seen.date() > day else (day - seen.date()).days


def _and(left: bool | None, right: bool | None) -> bool | None:
    """SQL's three-valued AND."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True
