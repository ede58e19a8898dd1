"""Metrics are written at most once a second, errors at once, and nothing is written twice."""

import json

import pytest
from aws_lambda_powertools import Metrics

from hindcast.serving import handler
from hindcast.serving.meter import MAX_VALUES, Meter


@pytest.fixture(autouse=True)
def nothing_pending() -> None:
    """Powertools keeps what is not written yet for all of a process, and so for other tests.

    The handlers' own meter writes first, or it would later write what is not there any more.
    """
    handler.meter.write()
    Metrics(namespace="Test", service="test").clear_metrics()


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, list[float]]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_successes_wait_for_the_second_to_pass(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(Metrics(namespace="Test", service="test"))
    for now in (100.0, 100.2, 100.9, 101.0):
        meter.predictions(2)
        meter.request_done(0.5, now)
    first, second = written(capsys)
    assert (first["Predictions"], first["Latency"]) == ([2.0], [0.5])
    assert (second["Predictions"], second["Latency"]) == ([6.0], [0.5, 0.5, 0.5])


def test_errors_do_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(Metrics(namespace="Test", service="test"))
    meter.request_done(0.5, 100.0)
    meter.error("Request", 3)
    meter.request_done(0.5, 100.1)
    _, line = written(capsys)
    assert line["Errors"] == line["RequestErrors"] == [3.0]


def test_a_crowded_second_is_written_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(Metrics(namespace="Test", service="test"))
    for _ in range(2 * MAX_VALUES + 1):
        meter.request_done(0.5, 100.0)
    assert [len(line["Latency"]) for line in written(capsys)] == [1, MAX_VALUES, MAX_VALUES]
    meter.write()
    assert written(capsys) == []


def test_each_value_is_of_the_service_and_of_the_release_that_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    meter = Meter(Metrics(namespace="Test", service="test"))
    for place, release in enumerate(("m-1", "m-2", "m-2")):
        meter.by(release)
        meter.predictions(1)
        meter.request_done(0.5, 100 + place / 10)
    meter.write()
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [first["release"], second["release"]] == ["m-1", "m-2"]
    assert [first["Predictions"], second["Predictions"]] == [[1.0], [2.0]]
    [directive] = second["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"], ["model"], ["service", "release"]]


def test_metrics_of_a_deployment_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(Metrics(namespace="Test", service="test"))
    meter.belong("staging")
    meter.by("m-2-0123456789ab")
    meter.request_done(0.5, 100.0)
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [directive] = line["_aws"]["CloudWatchMetrics"]
    sets = [
        ["deployment", "service"],
        ["deployment", "model"],
        ["deployment", "service", "release"],
    ]
    assert directive["Dimensions"] == sets
    assert (line["deployment"], line["model"]) == ("staging", "m-2")
