"""What the control Lambda tells CloudWatch of features and models, as the alarms look for it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hindcast import names, project
from hindcast.bootstrap import Application
from hindcast.datatypes import DataType
from hindcast.errors import HindcastError, InputError, StoreUnavailableError
from hindcast.operations.measurements import measure
from hindcast.settings import Settings
from hindcast.stores.database import connect
from hindcast.stores.online import ViewVersion
from lambdas.control.handler import handler
from tests import one_view
from tests.integration.hindsight import NOW

REGION = "eu-west-1"
FEATURES, MODEL = names.METRIC_FEATURE_AGE, names.METRIC_MODEL_AGE
VIEW, RISK = "credit_history", "credit_risk"


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CloudWatch's client."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws():
        yield boto3.client("cloudwatch", region_name=REGION)


@pytest.fixture
def application(cloudwatch: Any, database_url: str, tmp_path: Path) -> Iterator[Application]:
    places = Settings(
        Path("/nowhere"), "/nowhere", "/nowhere", database_url=database_url, deployment="staging"
    )
    found = Application(places, project.load(one_view.write(tmp_path)))
    with found.store:
        yield found


def materialize(
    application: Application, as_of: datetime, version: ViewVersion | None = None
) -> None:
    """Put an empty table online, of an instant, by default for the view as it is."""
    store = application.store
    run = f"r{as_of:%j}"
    version = version or ViewVersion.of(application.project.view())
    loading = store.create_table(version, run, ["id"], {"id": DataType("bigint")})
    store.publish(loading, as_of, NOW, 0)


def promote(
    application: Application, release: str, as_of: datetime, reads: str | None = None
) -> None:
    """Promote a release that was trained as of an instant, by default on the view as it is."""
    ledger = application.ledger
    reads = reads or application.project.view().definition_hash
    manifest = {"as_of": as_of.isoformat(), "views": {VIEW: reads}}
    ledger.add_release("credit_risk", release, manifest, {}, "/", None)
    current = ledger.champion("credit_risk")
    follows = current.number if current else None
    ledger.promote("credit_risk", release, follows, "promote", False, None, None, "a test")


SUBJECTS = {
    FEATURES: (names.METRIC_VIEW, VIEW),
    MODEL: (names.METRIC_MODEL, RISK),
    names.METRIC_DAMAGE: (names.METRIC_PART, names.ALL_PARTS),
    names.METRIC_COMPACTION: (names.METRIC_PART, names.ALL_PARTS),
}


def watched(cloudwatch: Any, metric: str, now: datetime = NOW) -> list[float]:
    """What an alarm sees: the maximum of an hour, for this deployment's view or model."""
    kind, subject = SUBJECTS[metric]
    found = cloudwatch.get_metric_statistics(
        Namespace=names.METRICS,
        MetricName=metric,
        Dimensions=[
            {"Name": names.METRIC_DIMENSION, "Value": "staging"},
            {"Name": kind, "Value": subject},
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return [point["Maximum"] for point in found]


def test_both_ages_are_published_by_the_names_of_view_and_model(
    application: Application, cloudwatch: Any
) -> None:
    materialize(application, NOW - timedelta(hours=30))
    promote(application, "credit_risk-a", NOW - timedelta(days=10))
    report = measure(application, NOW)
    assert report.published == {FEATURES: {VIEW: 30.0}, MODEL: {RISK: 10.0}}
    assert report.missing == {}
    assert (watched(cloudwatch, FEATURES), watched(cloudwatch, MODEL)) == ([30.0], [10.0])


def test_a_model_is_as_old_as_its_data_whenever_it_was_promoted(application: Application) -> None:
    promote(application, "credit_risk-a", NOW - timedelta(days=50))
    promote(application, "credit_risk-b", NOW - timedelta(days=3))
    assert measure(application, NOW).published == {MODEL: {RISK: 3.0}}
    current = application.ledger.champion("credit_risk")
    assert current is not None
    application.ledger.promote(
        "credit_risk", "credit_risk-a", current.number, "rollback", False, None, None, "a test"
    )
    assert measure(application, NOW).published == {MODEL: {RISK: 50.0}}


def test_what_was_never_materialized_does_not_hide_the_model(
    application: Application, cloudwatch: Any
) -> None:
    promote(application, "credit_risk-a", NOW - timedelta(days=10))
    report = measure(application, NOW)
    assert report.published == {MODEL: {RISK: 10.0}}
    assert report.missing == {FEATURES: {VIEW: "never materialized: view 'credit_history'"}}
    # Silence, at which the alarm on the age rings.
    assert watched(cloudwatch, FEATURES) == []


def test_features_are_as_old_as_those_that_the_champion_reads(application: Application) -> None:
    materialize(application, NOW - timedelta(hours=2))
    promote(application, "credit_risk-a", NOW, reads="0ther")
    reason = "never materialized: what release credit_risk-a reads of 'credit_history'"
    assert measure(application, NOW).missing == {FEATURES: {VIEW: reason}}
    materialize(application, NOW - timedelta(hours=30), ViewVersion("credit_history", "0ther"))
    assert measure(application, NOW).published == {FEATURES: {VIEW: 30.0}, MODEL: {RISK: 0.0}}


def test_a_view_that_only_a_champion_reads_is_measured_too(application: Application) -> None:
    materialize(application, NOW - timedelta(hours=40))
    promote(application, "credit_risk-a", NOW)
    of_today = replace(application.project, declared={})
    report = measure(Application(application.settings, of_today), NOW)
    assert report.published[FEATURES] == {VIEW: 40.0}


def test_what_was_never_promoted_does_not_hide_the_features(
    application: Application, cloudwatch: Any
) -> None:
    materialize(application, NOW - timedelta(hours=2))
    report = measure(application, NOW)
    assert report.published == {FEATURES: {VIEW: 2.0}}
    assert report.missing[MODEL][RISK].startswith(
        "no release of model 'credit_risk' is in production"
    )
    assert watched(cloudwatch, MODEL) == []


def test_a_model_without_a_champion_is_silent_and_no_other(application: Application) -> None:
    promote(application, "credit_risk-a", NOW - timedelta(days=10))
    models = application.project.models
    other = replace(models["credit_risk"], name="other")
    both = replace(application.project, models={**models, "other": other})
    report = measure(Application(application.settings, both), NOW)
    assert report.published == {MODEL: {RISK: 10.0}}
    assert set(report.missing[MODEL]) == {"other"}


def test_nothing_to_tell_is_told_by_the_report_alone(application: Application) -> None:
    report = measure(application, NOW)
    assert report.published == {}
    assert {*report.missing} == {FEATURES, MODEL}


def test_the_lambda_measures_by_its_schedules_event(
    application: Application,
    cloudwatch: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    promote(application, "credit_risk-a", NOW)
    monkeypatch.setenv(names.ENV_DATABASE_URL, application.database_url)
    monkeypatch.setenv(names.ENV_PROJECT, str(application.project.folder))
    monkeypatch.setenv(names.ENV_DEPLOYMENT, "staging")
    report = handler({"action": "measure"}, None)
    assert report["published"][MODEL][RISK] > 0
    assert set(report["missing"]) == {FEATURES}
    # Nobody reads a schedule's answer; the log has it.
    assert json.loads(capsys.readouterr().out) == {"action": "measure", "report": report}


def test_the_lambda_tells_of_damage_and_fails_by_what_is_wrong(
    application: Application, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(application, "credit_risk-a", NOW)
    monkeypatch.setenv(names.ENV_DATABASE_URL, application.database_url)
    monkeypatch.setenv(names.ENV_PROJECT, str(application.project.folder))
    monkeypatch.setenv(names.ENV_DEPLOYMENT, "staging")
    asked = {"action": "verify", "parts": ["ledger"]}
    assert handler(asked, None)["damage"] == []
    with connect(application.database_url) as session:
        session.execute("ALTER TABLE ledger.promotions DISABLE TRIGGER ALL")
        session.execute("UPDATE ledger.promotions SET by = 'nobody'")
    changed = r"^ledger: ledger\.promotions \[1\]: the row was changed"
    with pytest.raises(HindcastError, match=changed):
        handler(asked, None)
    assert watched(cloudwatch, names.METRIC_DAMAGE, datetime.now(UTC)) == [1.0]


def test_the_lambda_tells_how_compacting_went(
    application: Application, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    monkeypatch.setenv(names.ENV_LAKE, str(lake))
    monkeypatch.setenv(names.ENV_DATABASE_URL, application.database_url)
    monkeypatch.setenv(names.ENV_PROJECT, str(application.project.folder))
    monkeypatch.setenv(names.ENV_DEPLOYMENT, "staging")
    handler({"action": "compact"}, None)
    assert watched(cloudwatch, names.METRIC_COMPACTION, datetime.now(UTC)) == [0.0]
    log = lake / names.PREDICTIONS / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("torn")
    with pytest.raises(HindcastError):
        handler({"action": "compact"}, None)
    assert watched(cloudwatch, names.METRIC_COMPACTION, datetime.now(UTC)) == [1.0]


def test_metrics_without_a_deployment_are_nobodys(application: Application) -> None:
    nobodys = Application(replace(application.settings, deployment=None), application.project)
    with pytest.raises(InputError, match=f"{names.ENV_DEPLOYMENT} is not set"):
        measure(nobodys, NOW)


def test_cloudwatch_that_refuses_is_told(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(application, "credit_risk-a", NOW)
    monkeypatch.setattr(names, "METRICS", "")
    with pytest.raises(StoreUnavailableError, match=r"^metrics of staging: Parameter validation"):
        measure(application, NOW)
