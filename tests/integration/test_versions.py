"""Whatever becomes of the definitions, a release in production answers as it was trained."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from hindcast import bootstrap, project
from hindcast.compiler.features import CompiledView
from hindcast.data import live
from hindcast.data.live import LiveVersion
from hindcast.data.materialize import materialize
from hindcast.data.refresh import drop_unread
from hindcast.stores.database import connect
from hindcast.stores.online import ViewVersion
from tests.integration.hindsight import AS_OF, CUSTOMERS, NOW, Home
from tests.integration.load import asked

CHANGES = {
    "rename a feature": ('Feature("nb_children"', 'Feature("children"'),
    "redefine one": ('"count(*)", over=prior(days=90)', '"count(*)", over=prior(days=365)'),
    "drop one": (
        '        Feature("has_work_phone", "flag_work_phone = 1", over=latest()),\n',
        "",
    ),
    "add one": (
        'Feature("age", ',
        'Feature("days_off", "days_between(max(loan_date), as_of)", over=prior()),\n'
        '        Feature("age", ',
    ),
    "swap two": (
        '"income", "amt_income_total"',
        '"income", "cnt_children + 0.0"',
    ),
    "rename the view": ('"credit_history"', '"own_history"'),
}


def own(home: Home) -> ViewVersion:
    return ViewVersion.of(home.application.project.view())


def test_spark_computes_every_redefinition_as_duckdb_does_while_the_champion_is_asked(
    home: Home, tmp_path: Path
) -> None:
    """One pass over the history, the champion's own version the lead."""
    champion, text = home.releases[-1], home.definitions.read_text()
    changed = [redefined(tmp_path / str(n), text, c) for n, c in enumerate(CHANGES.values())]
    others = [LiveVersion(view, ()) for view in changed]
    application, view = home.application, home.application.project.view()
    online = {}
    with asked(home, champion) as answers:
        for name in ("duckdb", "spark"):
            knowledge = bootstrap.knowledge(AS_OF, None, NOW)
            engine, store = bootstrap.engine(name), application.store
            materialize(view, engine, application.lake, store, knowledge, others=others)
            online[name] = [rows(home, each) for each in (view, *changed)]
    [(status, probabilities)] = answers
    assert (status, len(probabilities), None in probabilities) == (200, len(CUSTOMERS), False)
    assert len(online["spark"]) == 1 + len(CHANGES)
    assert online["spark"] == online["duckdb"]


def redefined(folder: Path, text: str, change: tuple[str, str]) -> CompiledView:
    """The view of the definitions with one text replaced."""
    folder.mkdir()
    (folder / "definitions.py").write_text(text.replace(*change))
    return project.load(folder).view()


def rows(home: Home, view: CompiledView) -> list[tuple[Any, ...]]:
    """What a version holds, by customer; sums of doubles to ten digits."""
    columns = ", ".join(f'"{name}"' for name in view.online_columns)
    query = f'SELECT {columns} FROM hindcast."{ViewVersion.of(view).relation}" ORDER BY 1'
    with connect(home.database_url) as connection:
        found = connection.execute(query.encode()).fetchall()
    assert {row[0] for row in found} >= set(CUSTOMERS)
    return [tuple(round(v, 10) if isinstance(v, float) else v for v in row) for row in found]


def test_a_version_that_nothing_reads_is_dropped_after_its_time(home: Home) -> None:
    store, ledger = home.application.store, home.application.ledger
    views = [home.application.project.view()]
    read = live.find(ledger, home.application.releases, views)
    nobody = ViewVersion("credit_history", "0ther")
    loading = store.create_table(nobody, "r1", ["id"], {"id": views[0].types["id"]})
    store.publish(loading, NOW, NOW, 0)
    assert drop_unread(store, views, read) == []
    assert drop_unread(store, views, read, after=timedelta(0)) == ["credit_history (0ther)"]
    assert store.materialized().keys() == {own(home)}


def test_live_releases_that_are_gone_stop_no_refresh_of_the_others(home: Home) -> None:
    changed, (first, champion) = home.redefine(CHANGES["add one"]), home.releases
    for release, others in ((champion, [(champion, first)]), (first, [])):
        folder = home.application.release_folder(release)
        folder.rename(folder.with_name(f"gone-{release}"))
        report = changed.materialize()
        assert [version.releases for version in report.views[0].versions] == others
    assert {*report.unreadable} == {first, champion}
    assert "there is no folder" in report.unreadable[champion]
