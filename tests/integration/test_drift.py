"""Checks of a home that was lived in: nothing moved, then something did, and then it stayed."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from hindcast.errors import InputError
from hindcast.operations.drift import check
from hindcast.operations.drift.findings import DriftReport
from hindcast.operations.events import envelope
from hindcast.releases.contents import HISTOGRAMS
from tests.integration.hindsight import ANN, Home

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
ROWS = 600
MODEL = "credit_risk"


def test_what_moves_is_found_and_alerts_once_it_lasts(home: Home) -> None:
    served(home, 0)
    served(home, 1, income=1e6, flag_own_car=None)
    served(home, 2, income=1e6)
    quiet, first, second = (checked(home, week) for week in range(3))
    assert (quiet.rows["answers"], quiet.findings) == (ROWS, ())
    moved = {("income", "out_of_range"), ("income", "psi")}
    assert names(first) == moved | {("flag_own_car", "missing")}
    assert first.alerts == 0
    assert names(second) == moved
    assert {each.since for each in second.findings} == {FIRST + WEEK}
    assert second.alerts == 2
    [event] = home.application.ledger.outbox.events("DriftDetected")
    told = (event.subject, event.data["run"], event.data["page"])
    assert told == (MODEL, second.run, second.page)
    jsonschema.validate(dict(event.data), envelope.schema("DriftDetected"))
    text = Path(second.page).read_text()
    for said in (second.release, first.run, "2026-01-08", "out of range", 'class="plot"'):
        assert said in text
    assert "://" not in text.replace("http://www.w3.org/", "")


def test_the_check_is_a_run_of_the_ledger(home: Home) -> None:
    served(home, 0)
    report = checked(home, 0)
    run = home.application.ledger.find_run(report.run)
    assert (run.kind, run.status, run.parameters["model"]) == ("drift", "succeeded", MODEL)
    assert run.outputs["release"] == report.release
    assert set(run.outputs["measures"]["served"]) > {"income", "score"}


def test_events_of_the_newest_materialization_are_held_against_the_release(home: Home) -> None:
    report = check.check(home.application, MODEL, datetime(2021, 9, 17, tzinfo=UTC))
    assert report.rows["events of credit_history"] > 0
    assert all(each.population == "materialized" for each in report.findings)


def test_too_few_rows_are_not_judged(home: Home) -> None:
    home.answer(ANN)
    report = checked(home, 50)
    assert {each.name: each.reason for each in report.unjudged} == {
        "answers": "0 rows, and 500 are needed",
        "answers, by income_type": "they do not have its value",
        "events of credit_history": "0 rows, and 500 are needed",
        "performance": "0 answers have a label that came to be trusted in the window; 500 are "
        "needed; 0 labelled events had no answer",
        "estimated performance": "0 answers in the window; 500 are needed",
        "volume": "the log does not reach back 3 weeks before the window",
    }
    assert report.findings == ()


def test_a_window_ends_after_it_starts(home: Home) -> None:
    with pytest.raises(InputError, match="is not before until"):
        check.check(home.application, MODEL, FIRST, FIRST)


def checked(home: Home, week: int) -> DriftReport:
    return check.check(home.application, MODEL, FIRST + (week + 1) * WEEK)


def names(report: DriftReport) -> set[tuple[str, str]]:
    return {(each.name, each.statistic) for each in report.findings}


def served(home: Home, week: int, **changed: Any) -> None:
    """A week of answers by what the release was trained on, but for the features given."""
    champion = home.application.champion(MODEL).release
    folder = home.application.release_folder(champion)
    known = json.loads((folder / HISTOGRAMS).read_text())
    random = np.random.default_rng(week)
    columns = {name: drawn(each, random) for name, each in known["features"].items()}
    scores = drawn(known["scores"], random)
    [line] = home.ask("/predict", {"id": ANN}, champion)[-1:]
    lines = []
    for place in range(ROWS):
        instant = FIRST + week * WEEK + place * WEEK / ROWS
        features = {name: column[place] for name, column in columns.items()} | changed
        told = {"prediction_id": str(uuid.uuid4()), "instant": instant.isoformat()}
        lines.append({**line, **told, "features": features, "probability": scores[place]})
    home.collect(*lines)


def drawn(histogram: dict[str, Any], random: np.random.Generator) -> list[float | None]:
    """Values that are as likely in each bin as a histogram says."""
    counts, edges = np.array([*histogram["counts"], histogram["nulls"]]), histogram["edges"]
    places = random.choice(len(counts), ROWS, p=counts / counts.sum())
    return [None if at == len(edges) - 1 else random.uniform(*edges[at : at + 2]) for at in places]
