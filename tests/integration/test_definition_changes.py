"""A definition that changes after data came in: what was answered before and after is replayed.

Each change goes through ingest, materialize, train, serve and replay, beside the release before it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hindcast import names
from hindcast.audit.replay.replay import skew
from hindcast.stores.online import ViewVersion
from tests.integration import hindsight, meters
from tests.integration.hindsight import Home

USED, TOTAL = '"used": "bigint"', 'Feature("total", "sum(used)", over=prior())'
# What a release that reads whole numbers is served after one that is none: an event without it.
LAST_WHOLE = {"times": 13, "used": 12}
ASKED = "id,as_of\n1,2024-04-20"
_numbers = count(1)


@dataclass(frozen=True)
class Change:
    """One text of the definitions for another, and a later reading of the first meter.

    champion: features of it that the release before the change is served, release: and the one
    after it.
    """

    texts: tuple[tuple[str, str], ...]
    release: dict[str, Any]
    champion: dict[str, Any] = field(default_factory=lambda: {"used": 7})
    line: str = "1000,1,2024-04-20,7,0"
    header: str = meters.HEADER


def widened(kind: str) -> tuple[tuple[str, str], ...]:
    return ((USED, f'"used": "{kind}"'),)


CHANGES = {
    "add a column": Change(
        (
            (USED, f'{USED}, "place": "string"'),
            (TOTAL, f'{TOTAL}, Feature("roofs", "count(place)", over=prior())'),
        ),
        {"roofs": 1, "times": 13},
        header=f"{meters.HEADER},place",
        line="1000,1,2024-04-20,7,0,roof",
    ),
    "add a feature": Change(
        ((TOTAL, f'{TOTAL}, Feature("most", "max(used)", over=prior())'),), {"used": 7}
    ),
    "rename a feature": Change((('Feature("used"', 'Feature("newest"'),), {"newest": 7}),
    "redefine one": Change((('"used", over=', '"used * 2", over='),), {"used": 14}),
    "drop one": Change((('    Feature("used", "used", over=latest()),\n', ""),), {"times": 13}),
    "rename the view": Change((('FeatureView("use"', 'FeatureView("usage"'),), {"used": 7}),
    "widen to double": Change(
        widened("double"), {"used": 2.5}, LAST_WHOLE, "1000,1,2024-04-20,2.5,0"
    ),
    "widen to decimal": Change(
        widened("decimal(21,2)"), {"used": 2.25}, LAST_WHOLE, "1000,1,2024-04-20,2.25,0"
    ),
}


@pytest.fixture(scope="module")
def settled_meters(postgres_server: str, with_tables: str) -> Iterator[Home]:
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "meters", with_tables) as url,
    ):
        yield meters.settle(Path(folder), url)


@pytest.fixture
def home(settled_meters: Home, postgres_server: str) -> Iterator[Home]:
    """Meters, their data and a release in production, for one test to change."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(
            postgres_server, f"meters_{next(_numbers)}", settled_meters.database_url
        ) as url,
    ):
        yield hindsight.copy(settled_meters, Path(folder), url)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_just_works(home: Home, change: Change) -> None:
    [champion], old = home.releases, version(home)
    changed = home.redefine(*change.texts)
    meters.add(changed, change.line, header=change.header)
    report, own = changed.materialize(meters.AS_OF, meters.NOW), version(changed)
    assert changed.application.store.materialized().keys() == {old, own}
    offline = changed.application.lake.open(names.FEATURES, own.view, fix="").to_pyarrow_table()
    assert {*offline[names.DEFINITION_HASH].to_pylist()} == {own.definition_hash}
    unheld = {each.definition_hash: each.unheld for each in report.views if each.unheld}
    is_fraction = change.champion is LAST_WHOLE
    assert unheld == ({old.definition_hash: {"used": 1}} if is_fraction else {})
    release = changed.train(meters.AS_OF, now=meters.NOW)
    for by, expected in ((champion, change.champion), (release, change.release)):
        features = changed.answer(*meters.METERS, release=by)[0]["features"]
        assert expected.items() <= features.items()
    found = skew(changed.application, 1000, None)
    assert (found.predictions, found.unlike, found.impossible) == (3 * len(meters.METERS), 0, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ((USED, '"used": "decimal(10,2)"'), "column 'used' holds bigint and is now declared dec"),
        (
            ('tiebreaker="reading"', 'tiebreaker="used"'),
            "event timestamp at, tiebreaker used; decl",
        ),
    ],
    ids=["a narrower type", "another tiebreaker"],
)
def test_a_change_that_cannot_work_is_refused_by_every_command_in_one_line(
    home: Home, capsys: pytest.CaptureFixture[str], text: tuple[str, str], told: str
) -> None:
    place, raw = home.folder, (names.RAW, "readings")
    before = home.application.lake.open(*raw, fix="").version()
    for name, content in (("more", f"{meters.HEADER}\n1000,1,2024-04-20,7,0"), ("ask", ASKED)):
        (place / f"{name}.csv").write_text(f"{content}\n")
    home.redefine(text)
    for command in (
        ("ingest", place / "more.csv"),
        ("materialize",),
        ("train",),
        ("retract", "--key", 1, "--reason", "wrong"),
        ("get-historical-features", "--spine", place / "ask.csv", "--out", place / "out.csv"),
    ):
        code, printed, said = home.run(capsys, *command)
        assert (code, printed, said.count("\n")) == (2, "", 1), (command, said)
        assert told in said
        assert "all files into a source of another name" in said
    assert home.application.lake.open(*raw, fix="").version() == before


def version(home: Home) -> ViewVersion:
    return ViewVersion.of(home.application.project.view())
