"""Wiring: texts become a project, an engine and two clocks; a wrong one says how to write."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hindcast import bootstrap, names
from hindcast.compiler.query import Knowledge
from hindcast.errors import InputError

NOW = datetime(2021, 9, 18, 8, 30, tzinfo=UTC)


def test_both_clocks_are_now_unless_told() -> None:
    assert bootstrap.knowledge(None, None, NOW) == Knowledge(NOW, NOW, per_row=True)


def test_each_clock_is_set_by_its_own_text() -> None:
    first, second = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 2, 1, tzinfo=UTC)
    assert bootstrap.knowledge("2021-01-01", None, NOW) == Knowledge(first, NOW, True)
    assert bootstrap.knowledge(None, "2021-02-01", NOW) == Knowledge(NOW, second, True)
    assert bootstrap.knowledge("2021-01-01", "2021-02-01", NOW) == Knowledge(first, second, True)


def test_a_wrong_clock_is_named() -> None:
    with pytest.raises(InputError, match=r"^as_of 'soon'"):
        bootstrap.knowledge("soon", None, NOW)
    with pytest.raises(InputError, match=r"^--known-by 'later'"):
        bootstrap.knowledge(None, "later", NOW, ("--as-of", "--known-by"))


@pytest.mark.parametrize("name", bootstrap.ENGINES)
def test_every_engine_offered_is_there_under_its_name(name: str) -> None:
    engine = bootstrap.engine(name)
    assert (engine.name, engine.dialect) == (name, name)


def test_an_unknown_engine_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError) as raised:
        bootstrap.engine("pandas")
    assert str(raised.value) == "engine 'pandas': unknown; use one of duckdb, spark"


def test_duckdb_needs_no_spark() -> None:
    script = (
        "import sys; from hindcast import bootstrap; bootstrap.engine('duckdb'); "
        "print(sorted({'pyspark', 'psycopg', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_an_application_is_a_project_with_the_places_of_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(names.ENV_LAKE, raising=False)
    application = bootstrap.application(home=tmp_path)
    assert application.settings.home == tmp_path
    assert application.lake.root == str(tmp_path / "lake")
    assert application.project.model().name == "credit_risk"


def test_an_application_finds_its_project_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "definitions.py").write_text("")
    monkeypatch.setenv(names.ENV_PROJECT, str(tmp_path))
    assert bootstrap.application(home=tmp_path).project.folder == tmp_path


def test_nothing_is_written_before_it_is_needed(tmp_path: Path) -> None:
    bootstrap.application(home=tmp_path / "home")
    assert not (tmp_path / "home").exists()
