"""Vacuum: what nothing needs goes, what the replay of a kept answer needs stays; both are said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hindcast import names
from hindcast.audit.replay.replay import replay, skew
from hindcast.definitions import Retention, days
from hindcast.definitions.retention import declared
from hindcast.errors import DefinitionError, NotFoundError
from hindcast.operations import vacuum as vacuums
from hindcast.operations.vacuum import VacuumReport, vacuum
from hindcast.operations.verification import verify
from hindcast.stores import vacuuming
from tests.integration.hindsight import ANN, BOB, CUSTOMERS, LATER, Home

RAW, FEATURES = "raw/loans", "features/credit_history"


def keeping(home: Home, retention: str) -> Home:
    """The home of a project that declares a retention."""
    text = home.definitions.read_text()
    imports = "from datetime import timedelta\nfrom hindcast.definitions import Retention"
    home.definitions.write_text(f"{text}\n{imports}\n{retention}\n")
    return Home(home.folder, home.database_url)


def grown(home: Home) -> Home:
    """With raw files that were joined after answers were computed by them, and old features."""
    home.ingest({"loan_id": 9_100_000})
    home.answer(*CUSTOMERS)
    home.materialize(LATER, force=True)
    assert home.application.lake.compact(*RAW.split("/"))
    return keeping(home, "kept = Retention(files=timedelta(0))")


def gone(report: VacuumReport) -> dict[str, int]:
    return {each.table: each.files for each in report.tables}


def files(home: Home, table: str) -> set[Path]:
    return set(Path(home.application.lake.uri(table)).rglob("*.parquet"))


def apply(home: Home) -> VacuumReport:
    return vacuum(home.application, datetime.now(UTC), is_applied=True)


def test_every_kept_answer_replays_after_what_nothing_needs_is_gone(home: Home) -> None:
    home = grown(home)
    before = {table: files(home, table) for table in (RAW, FEATURES)}
    shown = vacuum(home.application, datetime.now(UTC))
    assert ([*gone(shown)], shown.run) == ([FEATURES], None)
    assert before == {table: files(home, table) for table in (RAW, FEATURES)}
    done = apply(home)
    assert (gone(done), done.predictions) == (gone(shown), 0)
    assert len(before[FEATURES] - files(home, FEATURES)) == gone(done)[FEATURES]
    assert before[RAW] == files(home, RAW)
    found = skew(home.application, 100, None)
    assert (found.matching, found.impossible) == (len(CUSTOMERS), {})
    assert verify(home.application).damage == ()
    [run] = home.application.ledger.runs(names.VACUUM)
    assert (run.id, run.status, [*run.parameters["removed"]]) == (done.run, "succeeded", [FEATURES])
    assert gone(apply(home)) == {}
    kept = files(home, RAW).pop()
    kept.unlink()  # Which no vacuum did.
    [damage] = verify(home.application).damage
    assert f"{kept.name} is missing" in damage.what


def test_without_the_guard_replay_says_what_was_removed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = grown(home)
    monkeypatch.setattr(vacuums, "_needed", lambda *_: {})
    done = apply(home)
    assert RAW in gone(done)
    found = skew(home.application, 100, None)
    assert found.matching == 0
    [why] = found.impossible
    assert why.startswith(f"{RAW}: version ")
    assert f"vacuum {done.run} removed its files" in why
    assert "\n" not in why
    assert verify(home.application).damage == ()


def test_answers_past_their_retention_go_and_replay_says_so_in_one_line(home: Home) -> None:
    [old] = home.answer(ANN)
    [new] = home.answer(BOB)
    home = keeping(home, "kept = Retention(predictions=timedelta(days=1))")
    cut = datetime.fromisoformat(new["instant"]) + timedelta(days=1)
    done = vacuum(home.application, cut, is_applied=True)
    assert (done.predictions, done.before) == (1, cut - timedelta(days=1))
    assert replay(home.application, new["prediction_id"]).matches
    with pytest.raises(NotFoundError, match="is past its retention: vacuum") as raised:
        replay(home.application, old["prediction_id"])
    assert str(done.run) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert verify(home.application).damage == ()
    with pytest.raises(NotFoundError, match="there is no prediction unknown"):
        replay(home.application, "unknown")


def test_a_vacuum_that_was_killed_is_no_damage_and_the_next_one_ends_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = grown(home)
    home.materialize(force=True)
    whole = vacuuming.remove

    def dies(lake: object, parts: object, paths: dict[str, int]) -> None:
        whole(home.application.lake, FEATURES.split("/"), [*paths][:1])
        raise KeyboardInterrupt

    monkeypatch.setattr(vacuuming, "remove", dies)
    with pytest.raises(KeyboardInterrupt):
        apply(home)
    monkeypatch.undo()
    assert verify(home.application).damage == ()
    _, shown, _ = home.run(capsys, "vacuum")
    assert FEATURES in shown
    assert "removed nothing; run: hindcast vacuum --apply" in shown
    _, done, _ = home.run(capsys, "vacuum", "--apply")
    assert "removed by run" in done
    assert gone(vacuum(home.application, datetime.now(UTC))) == {}
    assert verify(home.application).damage == ()


def test_a_retention_is_declared_once_and_keeps_all_without() -> None:
    assert declared([]) == Retention(None, days(30))
    with pytest.raises(DefinitionError, match="2 Retention definitions; leave one"):
        declared([Retention(), Retention(files=days(1))])
    with pytest.raises(DefinitionError, match="retention: predictions"):
        Retention(predictions=days(0))
