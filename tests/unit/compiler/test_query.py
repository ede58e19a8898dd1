"""Features as of an instant, on tiny histories; first, the notebook's mistakes, by name."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hindcast.compiler.features import CompiledView
from hindcast.compiler.query import Knowledge, historical, materialization, training_set
from hindcast.definitions import Feature, latest, prior
from tests.unit.compiler.loans import Rows, as_of, at, loan, run, view_of

TODAY = at(2021, 9, 17)
COUNT = Feature("loans", "count(*)", over=prior())
AVERAGE = Feature("average", "avg(amount)", over=prior())
RECENT = Feature("recent", "sum(amount)", over=prior(days=90))
CAR = Feature("car", "has_car", over=latest())
AGE = Feature("age", "years_between(birthday, as_of)")
AT_WORK = Feature("at_work", "years_between(job_start, as_of)")
MATURES = timedelta(days=60)
THREE = [
    loan(1, at(2021, 1, 1), "10"),
    loan(2, at(2021, 2, 1), "20"),
    loan(3, at(2021, 3, 1), "60"),
]


def events(view: CompiledView, loans: Rows, knowledge: Knowledge | None = None) -> Rows:
    """Features of each loan, in order."""
    sql = materialization(view, "duckdb", knowledge or as_of(TODAY))
    found = [row for row in run(sql, loans) if row["_is_event"]]
    return sorted(found, key=lambda row: (row["id"], row["event_timestamp"], row["tiebreaker"]))


def online(view: CompiledView, loans: Rows, knowledge: Knowledge | None = None) -> dict[int, Any]:
    """The row each customer would be served from."""
    sql = materialization(view, "duckdb", knowledge or as_of(TODAY))
    return {row["id"]: row for row in run(sql, loans) if not row["_is_event"]}


def training(view: CompiledView, loans: Rows, until: datetime = TODAY) -> Rows:
    return run(
        training_set(view, "duckdb", as_of(until), MATURES, {}, view.view.source.label), loans
    )


def values(rows: Rows, name: str) -> list[Any]:
    return [row[name] for row in rows]


def test_the_average_of_previous_loans_leaves_the_current_loan_out() -> None:
    assert values(events(view_of(AVERAGE), THREE), "average") == [None, 10.0, 15.0]


def test_the_online_row_counts_the_customers_newest_loan() -> None:
    row = online(view_of(COUNT, AVERAGE), THREE)[1]
    assert (row["loans"], row["average"]) == (3, 30.0)


def test_an_age_is_that_of_the_loans_own_day_and_not_of_the_day_the_job_ran() -> None:
    loans = [loan(1, at(2001, 1, 1)), loan(2, at(2001, 6, 14)), loan(3, at(2011, 6, 15))]
    for day in (at(2021, 9, 17), at(2031, 9, 17)):
        assert values(events(view_of(AGE), loans, as_of(day)), "age") == [None, 20, 31]


def test_a_job_start_in_the_year_3021_is_unknown_and_not_minus_a_thousand_years() -> None:
    pensioner = loan(1, at(2021, 3, 1), job_start=datetime(3021, 9, 18).date())  # noqa: DTZ001
    assert online(view_of(AT_WORK, COUNT), [pensioner])[1]["loans"] == 1
    assert values(events(view_of(AT_WORK), [pensioner, THREE[2]]), "at_work") == [None, None]


def test_no_loan_is_repeated_or_lost_before_the_split() -> None:
    loans = [loan(1, at(2021, 1, 1), status=1), *THREE[1:]]
    rows = training(view_of(COUNT), loans)
    assert values(rows, "tiebreaker") == [1, 2, 3]
    assert values(rows, "label") == [1, 0, 0]


def test_a_row_never_sees_itself_or_the_future() -> None:
    before = events(view_of(COUNT, AVERAGE, RECENT), THREE)[1]
    changed = [THREE[0], loan(2, at(2021, 2, 1), "999999"), loan(3, at(2021, 3, 1), "-1")]
    assert events(view_of(COUNT, AVERAGE, RECENT), changed)[1] == before


def test_features_do_not_depend_on_the_order_of_the_file() -> None:
    view = view_of(COUNT, AVERAGE, RECENT, CAR)
    assert events(view, THREE[::-1]) == events(view, THREE)


def test_loans_of_one_instant_are_ordered_by_their_tiebreaker() -> None:
    loans = [loan(n, at(2021, 1, 1), str(n)) for n in (3, 1, 2)]
    rows = events(view_of(COUNT, RECENT), loans)
    assert values(rows, "loans") == [0, 1, 2]
    assert values(rows, "recent") == [None, Decimal(1), Decimal(3)]


def test_customers_do_not_see_each_other() -> None:
    loans = [*THREE, loan(4, at(2021, 2, 15), "500", id=2)]
    assert values(events(view_of(COUNT, AVERAGE), loans), "loans") == [0, 1, 2, 0]


def test_nothing_is_counted_as_0_and_summed_as_null() -> None:
    total = Feature("total", "sum(amount)", over=prior())
    least = Feature("least", "min(amount)", over=prior())
    first = events(view_of(COUNT, AVERAGE, RECENT, total, least), THREE)[0]
    assert first["loans"] == 0
    assert [first[name] for name in ("average", "recent", "total", "least")] == [None] * 4


def test_a_null_is_skipped_and_never_becomes_0() -> None:
    loans = [loan(1, at(2021, 1, 1), "10"), loan(2, at(2021, 1, 2), None), THREE[2]]
    given = Feature("given", "count(amount)", over=prior())
    last = events(view_of(COUNT, AVERAGE, given), loans)[-1]
    assert (last["average"], last["loans"], last["given"]) == (10.0, 2, 1)


def test_a_window_of_90_days_begins_exactly_90_days_before() -> None:
    edge = at(2021, 6, 1) - timedelta(days=90)
    loans = [
        loan(1, edge - timedelta(microseconds=1), "1"),
        loan(2, edge, "2"),
        loan(3, at(2021, 6, 1), "4"),
    ]
    assert events(view_of(RECENT), loans)[-1]["recent"] == Decimal(2)


def test_latest_is_the_newest_value_before_the_row_and_never_its_own() -> None:
    cars = [None, True, None, False]
    loans = [loan(n, at(2021, 1, n), has_car=car) for n, car in enumerate(cars, start=1)]
    assert values(events(view_of(CAR), loans), "car") == [None, None, True, True]
    assert online(view_of(CAR), loans)[1]["car"] is False


def test_days_since_the_last_loan_are_those_since_the_previous_one_in_training() -> None:
    view = view_of(Feature("since", "days_between(max(loan_date), as_of)", over=prior()))
    assert values(events(view, THREE), "since") == [None, 31, 28]
    asked = [(1, at(2021, 3, 1)), (1, at(2021, 3, 2), at(2021, 3, 11)), (9, at(2021, 3, 1))]
    assert values(run(historical(view, "duckdb", TODAY), THREE, asked), "since") == [28, 10, None]
    assert online(view, THREE)[1]["__max_1"] == at(2021, 3, 1)


def test_a_feature_evaluated_when_asked_mixes_windows_with_the_latest_values() -> None:
    text = "sum(amount) / count(*) + years_between(birthday, as_of)"
    view = view_of(Feature("mixed", text, over=prior(days=45)))
    assert values(events(view, THREE), "mixed") == [None, 50.0, 60.0]


def test_an_event_at_the_instant_asked_has_not_happened_yet() -> None:
    assert online(view_of(COUNT), THREE, as_of(at(2021, 3, 1)))[1]["loans"] == 2
    assert online(view_of(COUNT), THREE, as_of(at(2021, 3, 1, 1)))[1]["loans"] == 3


def test_a_customer_without_events_yet_has_no_row() -> None:
    assert online(view_of(COUNT), THREE, as_of(at(2021, 1, 1))) == {}


def test_a_late_record_is_unknown_until_it_was_recorded() -> None:
    late = loan(4, at(2021, 1, 15), "70", recorded_at=at(2021, 8, 1))
    view = view_of(COUNT)
    assert online(view, [*THREE, late], Knowledge(TODAY, at(2021, 7, 31)))[1]["loans"] == 3
    assert online(view, [*THREE, late], Knowledge(TODAY, at(2021, 8, 1)))[1]["loans"] == 4


def test_the_last_record_of_an_event_known_by_then_wins() -> None:
    corrected = loan(3, at(2021, 3, 1), "600", recorded_at=at(2021, 5, 1))
    total = view_of(Feature("total", "sum(amount)", over=prior()), COUNT)
    for known_by, expected in ((at(2021, 4, 30), 90), (at(2021, 5, 1), 630)):
        row = online(total, [corrected, *THREE], Knowledge(TODAY, known_by))[1]
        assert (row["total"], row["loans"]) == (Decimal(expected), 3)


def test_a_retracted_event_is_there_until_the_retraction_is_known() -> None:
    retraction = {
        "id": 1,
        "loan_id": 3,
        "loan_date": at(2021, 3, 1),
        "recorded_at": at(2021, 5, 1),
        "_retraction": "entered twice",
    }
    again = loan(3, at(2021, 3, 1), "7", recorded_at=at(2021, 6, 1))
    loans = [retraction, *THREE, again]
    total = view_of(Feature("total", "sum(amount)", over=prior()), COUNT)
    expected = ((at(2021, 4, 30), 90, 3), (at(2021, 5, 1), 30, 2), (at(2021, 6, 1), 37, 3))
    for known_by, amount, count in expected:
        row = online(total, loans, Knowledge(TODAY, known_by))[1]
        assert (row["total"], row["loans"]) == (amount, count)


def test_a_customer_whose_every_loan_is_retracted_has_no_row() -> None:
    only = loan(1, at(2021, 1, 1), id=2)
    retraction = only | {"recorded_at": at(2021, 5, 1), "_retraction": "another bank's"}
    assert set(online(view_of(COUNT), [*THREE, only, retraction])) == {1}


def test_a_correction_to_null_is_a_correction() -> None:
    corrected = loan(3, at(2021, 3, 1), None, recorded_at=at(2021, 5, 1))
    assert online(view_of(AVERAGE), [*THREE, corrected])[1]["average"] == 15.0


def test_of_two_records_of_one_instant_the_later_row_of_the_file_wins() -> None:
    twice = [loan(1, at(2021, 1, 1), "1", _row=7), loan(1, at(2021, 1, 1), "2", _row=8)]
    for loans in (twice, twice[::-1]):
        assert online(view_of(AVERAGE), loans)[1]["average"] == 2.0


def test_a_customers_known_records_are_counted_with_the_replaced_ones() -> None:
    again = loan(3, at(2021, 3, 1), "1", recorded_at=at(2021, 5, 1))
    unknown = loan(4, at(2021, 3, 2), "1", recorded_at=at(2100, 1, 2))
    loans = [*THREE, again, unknown, loan(5, at(2021, 1, 1), id=2)]
    rows = online(view_of(COUNT), loans)
    assert {key: row["_records"] for key, row in rows.items()} == {1: 4, 2: 1}
    assert values(events(view_of(COUNT), loans), "_records") == [None] * 4


def test_an_entity_row_names_the_features_that_overflowed() -> None:
    huge = [loan(n, at(2021, 1, n), "9" * 12) for n in (1, 2)]
    small = loan(3, at(2021, 1, 1), "1", id=2)
    power = Feature("power", "sum(" + " * ".join(["amount"] * 26) + ")", over=prior())
    rows = online(view_of(COUNT, power, AVERAGE), [*huge, small])
    assert {key: row["_overflowed"] for key, row in rows.items()} == {1: "power", 2: None}
    assert (rows[1]["power"], rows[2]["power"]) == (None, 1.0)
    assert values(events(view_of(power), huge), "_overflowed") == [None] * 2


def test_a_row_whose_own_product_overflows_makes_the_whole_sum_null_and_not_smaller() -> None:
    square = Feature("square", "sum(loan_id * loan_id)", over=prior())
    cube = Feature("cube", "sum(loan_id * loan_id * loan_id)", over=prior())
    loans = [loan(1, at(2021, 1, 1)), loan(2**62, at(2021, 1, 2))]
    row = online(view_of(square, cube), loans)[1]
    assert (row["square"], row["cube"], row["_overflowed"]) == (2**124 + 1, None, "cube")


def test_a_label_is_trusted_only_after_it_matured() -> None:
    until = at(2021, 2, 1) + MATURES
    assert values(training(view_of(COUNT), THREE, until), "_is_mature") == [True, False, False]
    later = until + timedelta(microseconds=1)
    assert values(training(view_of(COUNT), THREE, later), "_is_mature") == [True, True, False]


def test_a_training_row_says_whether_its_entity_had_a_history() -> None:
    loans = [*THREE, loan(4, at(2021, 2, 15), id=2), loan(5, at(2021, 2, 15), id=2)]
    rows = training(view_of(COUNT), loans)
    assert values(rows, "_has_history") == [False, True, True, False, True]


def test_a_loan_without_a_label_counts_and_is_not_trained_on() -> None:
    loans = [THREE[0], loan(2, at(2021, 2, 1), status=None), THREE[2]]
    rows = training(view_of(COUNT), loans)
    assert values(rows, "tiebreaker") == [1, 3]
    assert values(rows, "loans") == [0, 2]


def test_a_training_row_is_what_would_have_been_served_that_instant() -> None:
    view = view_of(COUNT, AVERAGE, RECENT, AGE)
    row = training(view, THREE)[-1]
    served = run(historical(view, "duckdb", TODAY), THREE, [(1, row["event_timestamp"])])[0]
    for name in ("loans", "average", "recent", "age"):
        assert row[name] == served[name]


def test_a_historical_spine_is_answered_row_by_row_in_its_order() -> None:
    asked = [(1, at(2021, 3, 1)), (9, at(2021, 3, 1)), (1, at(2021, 1, 2)), (1, at(2021, 3, 1))]
    rows = run(historical(view_of(COUNT, AGE), "duckdb", TODAY), THREE, asked)
    assert [(row["id"], row["as_of"]) for row in rows] == asked
    assert values(rows, "loans") == [2, 0, 1, 2]
    assert values(rows, "age") == [40, None, 40, 40]


def test_what_is_evaluated_when_asked_is_not_moved_by_the_instant_of_the_windows() -> None:
    loans = [loan(1, at(2021, 1, 1)), loan(2, at(2021, 5, 1), birthday=None)]
    asked = [(1, at(2021, 3, 1), at(2031, 6, 14)), (1, at(2021, 3, 1), at(2031, 6, 15))]
    rows = run(historical(view_of(COUNT, AGE), "duckdb", TODAY), loans, asked)
    assert values(rows, "age") == [50, 51]
    assert values(rows, "loans") == [1, 1]
    assert values(rows, "as_of") == [at(2021, 3, 1)] * 2


def test_each_row_of_a_spine_sees_the_events_before_its_own_instant_only() -> None:
    asked = [(1, at(2021, month, 1)) for month in (1, 2, 3, 4)]
    rows = run(historical(view_of(COUNT, CAR), "duckdb", TODAY), THREE, asked)
    assert values(rows, "loans") == [0, 1, 2, 3]
    assert values(rows, "_has_history") == [False, True, True, True]


def test_a_spine_needs_no_bound_on_what_happened() -> None:
    future = [loan(1, at(2150, 1, 1))]
    rows = run(historical(view_of(COUNT), "duckdb", at(2200, 1, 1)), future, [(1, at(2150, 1, 2))])
    assert values(rows, "loans") == [1]


def test_an_online_row_carries_the_inputs_of_what_is_evaluated_when_asked() -> None:
    loans = [loan(1, at(2021, 1, 1)), loan(2, at(2021, 2, 1), birthday=None)]
    row = online(view_of(AGE, COUNT), loans)[1]
    assert row["_birthday"] == loans[0]["birthday"]
    assert row["event_timestamp"] == TODAY


def test_values_have_the_type_that_was_inferred() -> None:
    row = online(view_of(COUNT, AVERAGE, RECENT, CAR, AGE), THREE, as_of(at(2021, 3, 2)))[1]
    kinds = [type(row[name]) for name in ("loans", "average", "recent", "age")]
    assert kinds == [int, float, Decimal, int]
