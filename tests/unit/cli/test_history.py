"""A run, a release, a model: a line each that fits, with its id whole whatever else is long."""

from datetime import UTC, datetime

import pytest

from hindcast.cli import console, history
from hindcast.stores.ledger import Run

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RELEASE = "arrival_delay_of_flights-9e9fcfd432c6"


def test_wide_parameters_are_cut_in_the_list_and_whole_where_one_run_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parameters = {"view": "v" * 90, "as_of": "2021-09-17T00:00:00+00:00"}
    run = Run("5c1f9e2ab3d4", "materialize", "succeeded", parameters, {}, {}, NOW, 3.2, None)
    console.lines([history._run_line(run, NOW)])
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("5c1f9e2ab3d4  materialize  succeeded  0 s ago  3.2 s  view=vvv")
    assert (line[-3:], len(line)) == ("...", console.LINE_WIDTH)
    console.show(run, as_json=False)
    whole = capsys.readouterr().out
    assert "view: " + "v" * 90 + "\n" in whole
    assert "as_of: 2021-09-17T00:00:00+00:00\n" in whole


def test_the_id_of_a_release_with_a_long_name_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    release = {
        "version": 12,
        "state": "refused by its gate",
        "worth": "roc_auc not defined",
        "trained_as_of": "2021-09-17T10:00:00+00:00",
        "created_at": NOW,
        "release": RELEASE,
    }
    console.lines([history._release_line(release, NOW)])
    _, line = capsys.readouterr().out.splitlines()
    assert len(line) <= console.LINE_WIDTH
    assert RELEASE in line.split()


def test_champion_and_challenger_with_long_names_are_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, other = "arrival_delay_of_flights", RELEASE.replace("9e9", "0e0")
    facts = {"champion": RELEASE, "challenger": other, "since": NOW, "releases": 12}
    line, told = history._model_line(model, facts, NOW), history._told(model, facts, "challenger")
    console.tables([[line], [told]])
    lines = capsys.readouterr().out.splitlines()
    assert [text.split() for text in lines] == [
        ["model", "champion", "releases", "since"],
        [model, RELEASE, "12", "0", "s", "ago"],
        [],
        ["model", "challenger"],
        [model, other],
    ]
    assert max(map(len, lines)) <= console.LINE_WIDTH
    assert history._told(model, {"canary": None}, "canary") == {}
