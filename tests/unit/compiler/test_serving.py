"""The serving query: one SELECT whose text never holds a key, an instant, or a session's zone."""

import pytest

from hindcast.compiler.features import CompiledView
from hindcast.compiler.service import of_view
from hindcast.compiler.serving import serving_query
from hindcast.definitions import ColdStart, Feature, latest, prior
from tests.unit.compiler.loans import view_of

VIEW = view_of(
    Feature("loans", "count(*)", over=prior()),
    Feature("total", "sum(amount)", over=prior()),
    Feature("job", "job", over=latest()),
    Feature("born", "birthday", over=latest()),
    Feature("age", "years_between(birthday, as_of)"),
    Feature("half", "job like '50%' and years_between(birthday, as_of) > 1"),
)
RELATION = f"history__{VIEW.definition_hash}"


def query(view: CompiledView, names: list[str], cold_start: ColdStart = "refuse") -> str:
    return serving_query(of_view(view, names), cold_start)


def test_a_customers_id_is_a_parameter_and_never_pasted_into_the_sql() -> None:
    sql = query(VIEW, ["loans", "age"])
    source = f'FROM "hindcast"."{RELATION}" AS view_0'
    assert sql.endswith(f'{source} WHERE view_0."id" = CAST(%(key_0)s AS BIGINT)')
    assert sql.count("%(key_0)s") == 1


def test_stored_features_come_in_the_order_asked_with_their_freshness() -> None:
    sql = query(VIEW, ["job", "loans"])
    assert sql.startswith(
        'SELECT CAST(view_0."job" AS TEXT) AS "job", CAST(view_0."loans" AS INT8) AS "loans", '
        "'' AS _unseen, features_as_of, materialization FROM "
    )


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("total", 'CAST(view_0."total" AS FLOAT8) AS "total"'),
        ("loans", 'CAST(view_0."loans" AS INT8) AS "loans"'),
        ("job", 'CAST(view_0."job" AS TEXT) AS "job"'),
        ("born", 'CAST(view_0."born" AS DATE) AS "born"'),
    ],
)
def test_a_feature_is_served_as_a_type_the_driver_hands_to_models(
    feature: str, expected: str
) -> None:
    assert f"SELECT {expected}, '' AS _unseen, features_as_of" in query(VIEW, [feature])


def test_a_stored_feature_needs_no_instant() -> None:
    assert "as_of)s" not in query(VIEW, ["loans", "job", "total"])


def test_a_request_time_feature_reads_the_stored_input_at_the_requests_instant() -> None:
    sql = query(VIEW, ["age"])
    assert '"_birthday"' in sql
    assert '"birthday"' not in sql
    assert "%(as_of)s" in sql
    assert sql.count("%(as_of)s") == sql.count("CAST(%(as_of)s AS TIMESTAMPTZ) AT TIME ZONE 'UTC'")


def test_a_percent_sign_of_a_definition_is_doubled_for_the_driver() -> None:
    sql = query(VIEW, ["half"])
    assert "LIKE '50%%'" in sql
    assert sql % {"key_0": 1, "as_of": 2}


def test_an_instant_is_served_with_its_zone() -> None:
    sql = query(view_of(Feature("seen", "loan_date", over=latest())), ["seen"])
    assert 'CAST(view_0."seen" AS TIMESTAMPTZ)' in sql


def test_an_unknown_key_is_answered_from_the_empty_history_where_the_model_asks_for_it() -> None:
    sql = query(VIEW, ["loans", "job", "age"], cold_start="answer")
    known = 'view_0."id" IS NOT NULL'
    assert f'CASE WHEN {known} THEN view_0."loans" ELSE CAST(0 AS BIGINT) END' in sql
    assert f"CONCAT_WS(',', CASE WHEN NOT ({known}) THEN 'history' END) AS _unseen" in sql
    relation = f'"hindcast"."{RELATION}"'
    assert "LEAST(made_0.features_as_of) AS features_as_of" in sql
    joined = f'LEFT JOIN {relation} AS view_0 ON view_0."id" = CAST(%(key_0)s AS BIGINT)'
    made = f'CROSS JOIN "hindcast"."{RELATION}_made" AS made_0'
    assert sql.endswith(f"FROM (SELECT 1) AS asked {joined} {made} WHERE TRUE")


def test_the_serving_query_says_nothing_of_features_that_are_not_asked() -> None:
    assert "total" not in query(VIEW, ["loans"])
    assert "total" not in query(VIEW, ["loans"], cold_start="answer")
