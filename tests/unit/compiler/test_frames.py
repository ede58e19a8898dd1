"""Rows of a spine stand between events: each has a step of its own, and sees the newest before."""

import duckdb

from hindcast.compiler import frames
from hindcast.compiler.frames import BEFORE

# At an instant: three rows that are no event, then an event of 10, 20, 30 and so on.
ROWS = "SELECT i AS place, IF(i % 4 = 3, (i // 4 + 1) * 10, NULL) AS event FROM range(40) AS r(i)"


def test_no_two_rows_share_a_step_and_each_sees_the_newest_events() -> None:
    step = frames.step(
        f"COUNT(event) OVER (ORDER BY place {BEFORE})", "event", "OVER (ORDER BY place)"
    )
    found = duckdb.execute(
        f"SELECT event, step, SUM(event) OVER (ORDER BY step {frames.newest(2)}) AS seen "
        f"FROM (SELECT *, {step} AS step FROM ({ROWS})) ORDER BY place"
    ).fetchall()
    assert sorted({row[1] for row in found}) == [row[1] for row in found]
    for number, (_, _, seen) in enumerate(found):
        before = [event for event, _, _ in found[:number] if event is not None]
        assert seen == (sum(before[-2:]) if before else None)
