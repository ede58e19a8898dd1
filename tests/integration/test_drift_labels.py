"""What labels say of a model's answers once they are there, and what is estimated before."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hindcast import names
from hindcast.data.ingest import ingest
from hindcast.definitions import Drift
from hindcast.operations.drift import estimates, outcomes, performance, policy
from hindcast.operations.drift.examination import Examination
from hindcast.operations.drift.findings import Period
from hindcast.releases import contents
from hindcast.telemetry import Silent
from tests.integration import answered, hindsight, shops
from tests.integration.answered import Purchase
from tests.integration.hindsight import Home

MAY = Period(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 31, tzinfo=UTC))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, with_tables: str
) -> Iterator[Home]:
    with hindsight.database(postgres_server, "returned", with_tables) as url:
        yield shops.ingested(tmp_path_factory.mktemp("shops"), url)


@pytest.fixture(scope="module")
def release(home: Home) -> str:
    return shops.trained(home, "risk")


@pytest.fixture
def bought(home: Home) -> list[Purchase]:
    return answered.purchases(home, MAY.since + 3 * DAY)


@pytest.fixture(autouse=True)
def without_answers(home: Home) -> Iterator[None]:
    yield
    lake = home.application.lake
    shutil.rmtree(Path(lake.uri(names.PREDICTIONS)), ignore_errors=True)
    assert lake.integrity is not None
    lake.integrity.recorder.adopt(names.PREDICTIONS, "the next test begins without answers")


def examination(home: Home, release: str) -> Examination:
    application = home.application
    model = replace(
        application.project.model("risk"),
        drift=Drift(window=MAY.length, least_rows=50),
    )
    read = contents.read(application.release_folder(release))
    return Examination(application, model, read, MAY, Silent())


def test_an_event_is_of_the_last_answer_about_its_keys_within_a_day_before_it(
    home: Home, release: str, bought: list[Purchase]
) -> None:
    first, second, third, other = bought[:4]
    answered.collect(
        home,
        [
            answered.line(release, first, 3 * HOUR, 0.1, "older"),
            answered.line(release, first, HOUR, 0.2, "last"),
            answered.line(release, second, 2 * DAY, 0.3, "too early"),
            answered.line(release, third, -HOUR, 0.4, "too late"),
            answered.line(f"risk-{64 * '0'}", other, HOUR, 0.5, "of another release"),
        ],
    )
    read = contents.read(home.application.release_folder(release))
    found = outcomes.of_window(read, home.application.lake, MAY)
    assert found.answers.rows["prediction_id"].to_pylist() == ["last"]
    assert found.labels.tolist() == [first.late]
    assert found.ages.tolist() == [HOUR / timedelta(microseconds=1)]


def test_answers_as_good_as_on_the_holdout_are_no_drift_by_labels_nor_by_the_estimate(
    home: Home, release: str, bought: list[Purchase]
) -> None:
    lines = [
        answered.line(release, each, (HOUR, 10 * HOUR)[place % 2] / 2, each.chance)
        for place, each in enumerate(bought)
    ]
    answered.collect(home, lines)
    of = examination(home, release)

    found, estimated = performance.examine(of), estimates.examine(of)

    assert policy.moved(found.measurements, of.model.drift.significance) == []
    assert policy.moved(estimated.measurements, of.model.drift.significance) == []
    assert {each.slice for each in found.measurements} == {
        None,
        "severe_tickets = 0",
        "severe_tickets = 1",
        "age under 1 hour",
        "age 1 hour to 1 day",
    }
    assert {each.name for each in estimated.measurements} >= {"roc_auc", "log_loss"}
    assert all("were off by" in str(each.note) for each in estimated.measurements)


def test_labels_that_turned_are_found_by_performance_and_by_nothing_that_lacks_them(
    home: Home, release: str, bought: list[Purchase]
) -> None:
    answered.collect(home, [answered.line(release, each, HOUR, 1 - each.chance) for each in bought])
    of = examination(home, release)

    found = policy.moved(performance.examine(of).measurements, of.model.drift.significance)
    blind = policy.moved(estimates.examine(of).measurements, of.model.drift.significance)

    assert {"roc_auc", "log_loss", "brier"} <= {each.name for each in found if not each.slice}
    assert blind == []


def test_too_few_labels_are_not_judged_and_are_counted(
    home: Home, release: str, bought: list[Purchase]
) -> None:
    answered.collect(home, [answered.line(release, each, HOUR, 0.5) for each in bought[:9]])
    found = performance.examine(examination(home, release))
    assert found.measurements == ()
    assert found.rows == (("answers with labels", 9),)
    (unjudged,) = found.unjudged
    assert "9 answers have a label" in unjudged.reason
    assert "50 are needed" in unjudged.reason


RETURNS = """
returns = Source("returns", None, "told", "number", entities={customer: "buyer"}, schema={
    "number": "bigint", "buyer": "string", "told": "timestamp", "line": "bigint",
    "sent_back": "bigint",
})
named = RequestSource("named", {"line": "bigint"})
sent_back = Model(
    "sent_back", features=[spending[...], named[["line"]]], spine=purchases, estimator=classifier,
    label=Label("returns.sent_back", on=[customer, "line"], matures=days(2)), gate=gate,
    cold_start="answer",
)
"""


def test_a_question_that_carries_the_labels_key_is_about_that_event_whenever_it_is_asked(
    home: Home, bought: list[Purchase]
) -> None:
    first, second = bought[:2]
    own = home.redefine(("delay = Model(", RETURNS + "delay = Model("))
    rows = [
        f"{number},{each.keys['cid']},{(each.at + DAY).isoformat()},{each.line},{each.late}"
        for number, each in enumerate(answered.purchases(home, shops.START))
    ]
    text = "\n".join(["number,buyer,told,line,sent_back", *rows])
    path = own.folder / "returns.csv"
    path.write_text(text)
    application = own.application
    source = application.project.source("returns")
    ingest(path, source, application.lake, application.ledger, shops.NOW)
    release = shops.trained(own, "sent_back")
    about = {"line": second.line}
    answered.collect(
        own,
        [
            answered.line(release, second, HOUR, 0.3, "before", about),
            answered.line(release, second, -HOUR, 0.4, "after", about),
            answered.line(release, first, HOUR, 0.5, "of none", {"line": -1}),
        ],
    )
    read = contents.read(application.release_folder(release))
    found = outcomes.of_window(read, application.lake, MAY)
    assert found.answers.rows["prediction_id"].to_pylist() == ["after"]
    assert found.labels.tolist() == [second.late]
    # Its label came to be trusted two days after the event.
    early = Period(MAY.since, second.at + DAY)
    assert len(outcomes.of_window(read, application.lake, early)) == 0
