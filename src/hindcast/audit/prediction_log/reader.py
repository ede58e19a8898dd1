"""Collected predictions, for those who recompute them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.audit.prediction_log.rows import ANSWERED, SCHEMA
from hindcast.compiler.quoting import literal
from hindcast.errors import NotFoundError
from hindcast.stores.lake import Lake

FIX = "run: hindcast collect-log FILE"


def find(lake: Lake, prediction_id: str) -> dict[str, Any]:
    """One prediction by column, its features as JSON text; raises NotFoundError."""
    table = lake.open(names.PREDICTIONS, fix=FIX)
    wanted = pc.field("prediction_id") == prediction_id
    found = table.to_pyarrow_dataset().to_table(filter=wanted).slice(0, 1)
    rows = _whole(found).to_pylist()
    if not rows:
        raise NotFoundError(f"there is no prediction {prediction_id} in {table.table_uri}; {FIX}")
    row: dict[str, Any] = rows[0]
    return row


def sample(
    lake: Lake,
    count: int,
    since: datetime | None = None,
    seed: int = 0,
    model: str | None = None,
) -> pa.Table:
    """At most so many predictions and scores with their features, in the order of time.

    Every one is as likely as any other, and a seed takes the same from the same predictions,
    wherever they lie in the table.
    """
    return _sampled(lake, count, _conditions(since, model), seed)


def every(lake: Lake) -> Iterator[dict[str, Any]]:
    """Every line that was collected, by column, in no order."""
    table = lake.find(names.PREDICTIONS)
    for batch in table.to_pyarrow_dataset().to_batches() if table else ():
        yield from _whole(pa.Table.from_batches([batch])).to_pylist()


def asked(lake: Lake, model: str, since: datetime, count: int) -> list[dict[str, Any]]:
    """At most so many questions that a model answered since an instant, those that are read first.

    By id, request, features and outcome; a table of any size is read no further than that.
    """
    table = lake.find(names.PREDICTIONS)
    if table is None or "request" not in table.schema().to_arrow().names:
        return []
    wanted = (
        pc.field("outcome").isin(ANSWERED)
        & (pc.field("instant") >= since)
        & pc.match_substring_regex(pc.field("release"), _release_pattern(model))
    )
    columns = ["id", "request", "features", "outcome"]
    scanner = table.to_pyarrow_dataset().scanner(
        columns=columns, filter=wanted, batch_size=1024, batch_readahead=1, fragment_readahead=1
    )
    rows: list[dict[str, Any]] = scanner.head(count).to_pylist()
    return rows


def count_before(lake: Lake, until: datetime) -> int:
    """How many lines there are before an instant."""
    table = lake.find(names.PREDICTIONS)
    return table.to_pyarrow_dataset().count_rows(filter=pc.field("instant") < until) if table else 0


def materializations(lake: Lake, since: datetime) -> set[str]:
    """The runs that made the features of what was answered from an instant on."""
    table, found = lake.find(names.PREDICTIONS), set[str]()
    wanted = (pc.field("instant") >= since) & pc.field("materialization").is_valid()
    column = ["materialization"]
    for rows in table.to_pyarrow_dataset().to_batches(column, filter=wanted) if table else ():
        for runs in pc.unique(rows.column(0)).to_pylist():
            found.update(runs.split(","))
    return found


def answers_of(
    lake: Lake, release: str, since: datetime, until: datetime, count: int, seed: int = 0
) -> pa.Table:
    """At most so many answers of a release, as `sample` takes them, between two instants."""
    conditions = [
        *_conditions(since, None),
        f"release = {literal(release)}",
        _before(until),
    ]
    return _sampled(lake, count, conditions, seed)


def per_hour(lake: Lake, model: str, until: datetime) -> dict[datetime, int]:
    """How many lines of a model's releases there are in each hour before an instant."""
    from hindcast.engines.duckdb import DuckDBEngine

    table = lake.find(names.PREDICTIONS)
    if table is None:
        return {}
    sql = " ".join(
        [
            "SELECT date_trunc('hour', instant) AS hour, count(*) AS lines FROM raw WHERE",
            " AND ".join([_of_model(model), _before(until)]),
            "GROUP BY hour",
        ]
    )
    found = DuckDBEngine().query(sql, table).to_pylist()
    return {row["hour"].astimezone(UTC): row["lines"] for row in found}


def _sampled(lake: Lake, count: int, conditions: list[str], seed: int) -> pa.Table:
    from hindcast.engines.duckdb import DuckDBEngine

    table = lake.find(names.PREDICTIONS)
    if table is None:
        return SCHEMA.empty_table()
    sql = " ".join(
        [
            "SELECT * FROM (SELECT * FROM raw WHERE",
            " AND ".join(conditions),
            f"ORDER BY md5(prediction_id || '{int(seed)}'), prediction_id LIMIT {int(count)})",
            "ORDER BY instant, prediction_id",
        ]
    )
    return _whole(DuckDBEngine().query(sql, table))


def of_entity(
    lake: Lake, model: str, key: str, limit: int, before: datetime | None = None
) -> pa.Table:
    """The newest answers of a model about one entity, at most so many, the newest first.

    key: as a line has it: an only key's value as text, several by name as JSON. before: an instant
    that all of them are earlier than. Questions that were refused are among them.
    """
    from hindcast.engines.duckdb import DuckDBEngine

    table = lake.find(names.PREDICTIONS)
    if table is None:
        return SCHEMA.empty_table()
    conditions = [f"id = {literal(key)}", _of_model(model)]
    if before is not None:
        conditions.append(_before(before))
    sql = " ".join(
        [
            "SELECT * FROM raw WHERE",
            " AND ".join(conditions),
            f"ORDER BY instant DESC, prediction_id LIMIT {int(limit)}",
        ]
    )
    return _whole(DuckDBEngine().query(sql, table))


def _whole(rows: pa.Table) -> pa.Table:
    """With nulls for what the table had no column of when it was last collected."""
    for field in SCHEMA:
        if field.name not in rows.schema.names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(SCHEMA.names).cast(SCHEMA)


def answered_by(release: str) -> str:
    """The condition in DuckDB's SQL of answers of a release that have their features."""
    return " AND ".join([*_conditions(None, None), f"release = {literal(release)}"])


def _conditions(since: datetime | None, model: str | None) -> list[str]:
    outcomes = ", ".join(f"'{outcome}'" for outcome in ANSWERED)
    conditions = [f"outcome IN ({outcomes})", "features IS NOT NULL"]
    if since is not None:
        conditions.append(f"instant >= TIMESTAMPTZ '{since.astimezone(UTC).isoformat()}'")
    if model is not None:
        conditions.append(_of_model(model))
    return conditions


def _of_model(model: str) -> str:
    """A release is named after its model and a digest; another model's name may begin alike."""
    return f"regexp_full_match(release, {literal(_release_pattern(model))})"


def _release_pattern(model: str) -> str:
    return f"^{re.escape(model)}-[^-]+$"


def _before(until: datetime) -> str:
    return f"instant < TIMESTAMPTZ '{until.astimezone(UTC).isoformat()}'"
