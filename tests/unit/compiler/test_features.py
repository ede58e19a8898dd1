"""A view is checked before anything runs; an error names the feature, the expression, the fix."""

from dataclasses import replace

import pytest

from hindcast.compiler.document import definition_hash
from hindcast.compiler.features import compile_view
from hindcast.definitions import Feature, FeatureView, Window, latest, prior
from hindcast.errors import DefinitionError
from hindcast.project import load
from tests.unit.compiler.loans import LOANS, view_of

AGE = Feature("age", "years_between(birthday, as_of)")
COUNT = Feature("loans", "count(*)", over=prior())
JOB = Feature("job", "job", over=latest())


def refusal(*features: Feature) -> str:
    with pytest.raises(DefinitionError) as raised:
        view_of(*features)
    return str(raised.value)


def test_a_feature_is_prior_latest_or_evaluated_when_asked() -> None:
    view = view_of(COUNT, JOB, AGE)
    assert [feature.kind for feature in view.features] == ["prior", "latest", "request"]


def test_an_aggregate_keeps_its_window() -> None:
    view = view_of(COUNT, Feature("recent", "count(*)", over=prior(days=90)), JOB)
    assert [feature.window for feature in view.features] == [prior(), prior(days=90), None]


def test_the_online_table_has_the_key_stored_features_and_inputs_of_the_others() -> None:
    columns = view_of(COUNT, AGE, JOB).online_columns
    assert {name: str(kind) for name, kind in columns.items()} == {
        "id": "bigint",
        "loans": "bigint",
        "job": "string",
        "_birthday": "date",
    }


def test_an_input_of_two_features_is_stored_once() -> None:
    view = view_of(AGE, Feature("days", "days_between(birthday, as_of)"))
    assert list(view.online_columns) == ["id", "_birthday"]


def test_a_feature_evaluated_when_asked_stores_its_aggregates_each_once() -> None:
    over = prior(days=90)
    view = view_of(
        Feature("since", "days_between(max(loan_date), as_of)", over=prior()),
        Feature("since_recent", "days_between(max(loan_date), as_of)", over=over),
        Feature("rate", "count(*) / days_between(max(loan_date), as_of) + income", over=over),
    )
    assert {feature.kind for feature in view.features} == {"request"}
    assert {name: str(kind) for name, kind in view.online_columns.items()} == {
        "id": "bigint",
        "__max_1": "timestamp",
        "__max_2": "timestamp",
        "__count_3": "bigint",
        "_income": "double",
    }
    assert [each.window for each in view.inputs] == [prior(), over, over, None]


def test_a_column_named_like_a_stored_aggregate_is_refused() -> None:
    source = replace(LOANS, schema={**LOANS.schema, "_MAX_1": "date"})
    days = "days_between(max(loan_date), as_of) + days_between(_MAX_1, as_of)"
    with pytest.raises(DefinitionError, match="stored as '__MAX_1', as is the column '_MAX_1'"):
        compile_view(FeatureView("history", source, [Feature("days", days, over=prior())]))


def test_the_offline_table_has_the_key_the_order_and_every_feature() -> None:
    columns = view_of(AGE, COUNT).offline_columns
    assert columns == ("id", "event_timestamp", "tiebreaker", "age", "loans")


@pytest.mark.parametrize(
    ("expression", "over", "reason"),
    [
        ("sum(amuont)", prior(), "unknown column 'amuont' in 'sum(amuont)'; the schema has id, "),
        ("count(*)", None, "'count(*)' has an aggregate without a window; add over=prior() or "),
        ("amount", None, "'amount' has no window and no as_of; add over=latest()"),
        ("amount", prior(), "'amount' over prior() needs an aggregate; use one such as last(x), "),
        ("avg(amount)", latest(), "'avg(amount)' aggregates over latest(); use over=prior()"),
        (
            "years_between(birthday, as_of)",
            latest(),
            "'years_between(birthday, as_of)' mentions as_of and has a window; remove over=...",
        ),
        (
            "count(*) / years_between(birthday, as_of)",
            None,
            "has an aggregate without a window; add over=prior() or over=prior(days=n)",
        ),
        (
            "sum(days_between(birthday, as_of))",
            prior(),
            "mentions as_of inside an aggregate, which is computed before the question is asked; ",
        ),
        ("sum(amount) / income", prior(), "column 'income' in 'sum(amount) / income' stands "),
        ("sum(sum(amount))", prior(), "aggregate 'SUM(amount)' inside an aggregate in "),
        (
            "reverse(job)",
            latest(),
            "'REVERSE(job)' is not supported in 'reverse(job)'; ",
        ),
        ("sum(amount", prior(), "syntax error in 'sum(amount' at column 10, near 'amount'"),
        ("job + 1", latest(), "in 'job + 1', 'job' is string, not a number"),
    ],
)
def test_a_definition_error_names_feature_expression_and_fix(
    expression: str, over: Window | None, reason: str
) -> None:
    message = refusal(JOB, Feature("wrong", expression, over=over))
    assert message.startswith("feature view 'history', feature 'wrong': ")
    assert reason in message


@pytest.mark.parametrize(
    ("expression", "over"),
    [
        ("status", latest()),
        ("avg(status)", prior()),
        ("status * years_between(job_start, as_of)", None),
    ],
)
def test_no_feature_reads_the_label(expression: str, over: Window | None) -> None:
    message = refusal(Feature("cheat", expression, over=over))
    assert f"feature 'cheat': '{expression}' reads the label 'status'" in message


def test_a_name_declared_twice_is_refused() -> None:
    message = refusal(JOB, COUNT, Feature("job", "income", over=latest()))
    assert message == (
        "feature view 'history', feature 'job': the name is declared twice; rename one of them"
    )


def test_names_that_differ_in_case_only_are_refused() -> None:
    assert "declared twice" in refusal(JOB, Feature("Job", "income", over=latest()))


@pytest.mark.parametrize(
    "name",
    ["id", "ID", "label", "Label",
     "as_of", "event_timestamp", "recorded_at", "_hidden", "two words", "1st",
     'quo"te', "", "größe", "a" * 64],
)  # fmt: skip
def test_a_name_that_a_table_cannot_have_is_refused(name: str) -> None:
    message = refusal(Feature(name, "job", over=latest()))
    assert f"feature '{name}': the name is reserved or not plain; use letters, digits" in message


def test_the_longest_name_that_postgres_keeps_is_allowed() -> None:
    assert view_of(Feature("a" * 63, "job", over=latest())).features[0].name == "a" * 63


def test_the_hash_follows_the_meaning() -> None:
    view = FeatureView("history", LOANS, [COUNT, AGE])
    changed = [
        replace(view, name="other"),
        replace(view, features=[COUNT]),
        replace(view, features=[AGE, COUNT]),
        replace(view, features=[replace(COUNT, over=prior(days=9)), AGE]),
        replace(view, features=[replace(COUNT, expression="count(job)"), AGE]),
        replace(view, source=replace(LOANS, tiebreaker="children")),
        replace(view, source=replace(LOANS, recorded_at=None)),
        replace(view, source=replace(LOANS, schema={**LOANS.schema, "income": "bigint"})),
    ]
    hashes = [definition_hash(each) for each in (view, *changed)]
    assert len(set(hashes)) == len(hashes)
    assert definition_hash(replace(view, features=tuple(view.features))) == hashes[0]


def test_sums_and_averages_of_doubles_alone_depend_on_the_order_of_adding() -> None:
    view = compile_view(
        replace(
            load().view("credit_history").view,
            features=[
                Feature("doubles", "sum(amt_income_total)", over=prior()),
                Feature("halves", "avg(loan_amount / 2)", over=prior(days=9)),
                Feature("money", "sum(loan_amount)", over=prior()),
                Feature("mean", "avg(loan_amount)", over=prior()),
                Feature("largest", "max(amt_income_total)", over=prior()),
                Feature(
                    "a_year", "sum(amt_income_total) / years_between(birthday, as_of)", over=prior()
                ),
                Feature("a_day", "sum(loan_amount) / days_between(birthday, as_of)", over=prior()),
                Feature("income", "amt_income_total", over=latest()),
            ],
        )
    )
    found = [feature.name for feature in view.features if view.adds_doubles(feature)]
    assert found == ["doubles", "halves", "a_year"]
