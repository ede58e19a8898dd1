"""What is run around a model every day: a batch of everybody, and a drift that starts a rebuild."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hindcast import bootstrap
from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.data import retrieve
from hindcast.demo import service
from hindcast.demo.examples import Drifting, Example
from hindcast.demo.summary import Summary
from hindcast.formats.spine_file import Rows
from hindcast.operations.batch import config
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.run import run_batch
from hindcast.operations.drift import check, rebuilds
from hindcast.operations.drift.findings import DriftReport
from hindcast.releases import contents
from hindcast.telemetry import Progress
from hindcast.traffic import local_stage

BATCH = """\
model: {{type: release, params: {{model: {model}}}}}
data:
  source: {{type: online_store, params: {{view: {view}}}}}
  target: {{type: local_file, params: {{path: {path}}}}}
"""


def run(
    application: Application, summary: Summary, example: Example, url: str, progress: Progress
) -> None:
    """Score every entity of a view, then let a feature that callers send drift in two windows."""
    drifting = example.drifting
    if drifting is None:
        return
    name = drifting.model
    summary.run("batch", partial(_batch, application, name, progress))
    reports: list[DriftReport] = []
    look = partial(_look, application, summary, drifting, url, progress, reports)
    summary.run("drift", look)
    again = partial(_rebuild, application, reports[-1], example.as_of, progress)
    summary.run("rebuild", again)


def _look(
    application: Application,
    summary: Summary,
    drifting: Drifting,
    url: str,
    progress: Progress,
    reports: list[DriftReport],
) -> dict[str, Any]:
    """Two windows of drifted traffic, and a check of each: the second is sure of it."""
    ends = [datetime.now(UTC)]
    for _ in range(2):
        _ask(application, drifting, url)
        ends.append(datetime.now(UTC))
    prediction_log.collect([summary.home / "serve.log"], application.lake, ends[-1])
    for since, until in pairwise(ends):
        reports.append(check.check(application, drifting.model, until, since, progress))
    return _told(reports, drifting)


def _batch(application: Application, model: str, progress: Progress) -> BatchReport:
    view = application.project.models[model].service.views[0].name
    path = application.settings.home / f"{model}.scores.parquet"
    text = BATCH.format(model=model, view=view, path=path)
    return run_batch(application, config.parse(text, "batch.yaml"), None, progress)


def _ask(application: Application, drifting: Drifting, url: str) -> None:
    """Have many scored by values of which one feature is sent in another unit."""
    release = application.champion(drifting.model).release
    read = contents.read(application.release_folder(release))
    keys = _keys(application, drifting)
    rows = retrieve.retrieve_online(
        read.service, application.database_url, Rows(keys), datetime.now(UTC)
    ).select(read.plan.names)
    place = rows.column_names.index(drifting.feature)
    moved = pc.multiply(rows[drifting.feature], drifting.factor)
    sent = rows.set_column(place, drifting.feature, moved).to_pylist()
    service.score(url, drifting.model, sent)


def _keys(application: Application, drifting: Drifting) -> pa.Table:
    """The first keys of the batch's answers."""
    path = application.settings.home / f"{drifting.model}.scores.parquet"
    names = application.project.models[drifting.model].service.views[0].keys
    return pq.read_table(path, columns=list(names)).slice(0, drifting.rows)


def _told(reports: Sequence[DriftReport], drifting: Drifting) -> dict[str, Any]:
    """What the checks said of the feature that drifts."""
    found = {}
    for number, report in enumerate(reports, start=1):
        mine = [each for each in report.findings if each.name == drifting.feature]
        said = ", ".join(f"{each.statistic} {each.value:.3g}" for each in mine)
        found[f"window {number}"] = f"{said or 'nothing moved'}; {report.alerts} alerts"
    sent = f"{drifting.feature} x {drifting.factor:g}, {drifting.rows} times a window"
    return {"sent": sent, **found, "page": reports[-1].page}


def _rebuild(
    application: Application, report: DriftReport, as_of: str, progress: Progress
) -> rebuilds.Rebuild:
    """What hindcast drift does for an alert where it may rebuild, as if it were that day."""
    clocks = bootstrap.knowledge(as_of, None, datetime.now(UTC))
    stage = local_stage.served(application.settings.home, report.model)
    engine = bootstrap.engine("duckdb")
    return rebuilds.here(application, report, engine, clocks, progress, stage)
