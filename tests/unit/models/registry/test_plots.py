"""Plots are SVG that is the same each time, stands alone, and suits any page."""

import copy
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from xml.etree import ElementTree

import pytest

from hindcast.models.registry import plots
from hindcast.models.registry.plots import drawing
from tests.unit.models.registry.conftest import Sample

NAMES = {
    "roc",
    "precision_recall",
    "calibration",
    "score_distribution",
    "confusion",
    "feature_importance",
}


@pytest.fixture(scope="module")
def drawn(sample: Sample) -> Mapping[str, bytes]:
    return plots.render(sample.metrics)


def texts(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [found.text or "" for found in root.iter("{http://www.w3.org/2000/svg}text")]


def test_each_plot_is_svg_with_text_as_text(sample: Sample, drawn: Mapping[str, bytes]) -> None:
    assert set(drawn) == NAMES
    assert "ROC" in texts(drawn["roc"])
    assert "amount" in texts(drawn["feature_importance"])
    held = sample.metrics["holdout"]
    assert f"{held['confusion']['tn']:,}" in texts(drawn["confusion"])
    assert f"positive ({held['positives']:,} rows)" in texts(drawn["score_distribution"])


def test_the_plots_of_other_tasks_are_their_own(other: Sample) -> None:
    drawn = plots.render(other.metrics)
    if other.metrics["task"] == "multiclass":
        assert set(drawn) == {"calibration", "confusion", "feature_importance"}
        assert {"is high", "is low", "is usual"} <= set(texts(drawn["confusion"]))
        assert {"high", "low", "usual"} <= set(texts(drawn["calibration"]))
    else:
        assert set(drawn) == {"calibration", "errors", "feature_importance"}
        assert "estimate minus label" in texts(drawn["errors"])


def test_plots_are_the_same_bytes_in_another_process(
    sample: Sample, drawn: Mapping[str, bytes]
) -> None:
    code = (
        "import sys, json, hashlib; from hindcast.models.registry import plots; "
        "print({n: hashlib.sha256(s).hexdigest() for n, s in "
        "plots.render(json.load(sys.stdin)).items()})"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=json.dumps(sample.metrics),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {name: hashlib.sha256(svg).hexdigest() for name, svg in drawn.items()}
    assert done.stdout.strip() == str(expected)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_plot_has_no_background_no_date_and_the_ink_of_its_page(
    drawn: Mapping[str, bytes], name: str
) -> None:
    svg = drawn[name].decode()
    assert "currentColor" in svg
    assert drawing.INK not in svg
    assert "#ffffff" not in svg
    assert "dc:date" not in svg
    assert not re.search(r"""(src|href)=["'](?!#)""", svg)


def test_the_plots_of_one_release_are_drawn_once(
    sample: Sample, drawn: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "svgs", None)
    assert plots.render(copy.deepcopy(sample.metrics)) is drawn


def test_ids_of_plots_on_one_page_differ(drawn: Mapping[str, bytes]) -> None:
    found = [name for svg in drawn.values() for name in re.findall(r'\bid="([^"]+)"', svg.decode())]
    assert len(found) == len(set(found))
    for svg in drawn.values():
        text = svg.decode()
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        assert used <= set(re.findall(r'\bid="([^"]+)"', text))


def test_what_is_not_defined_is_left_out(sample: Sample) -> None:
    metrics = copy.deepcopy(sample.metrics)
    metrics["curves"] = {"model": None, "logistic_regression": None}
    metrics["importance"] = {}
    assert set(plots.render(metrics)) == NAMES - {"roc", "precision_recall", "feature_importance"}


@pytest.mark.parametrize("name", ["<b>&", "$x^2$", "$", "x" * 300])
def test_strange_feature_names_are_drawn_as_they_are(sample: Sample, name: str) -> None:
    metrics = {**sample.metrics, "importance": {name: {"mean": 0.1, "deviation": 0.01}}}
    shown = texts(plots.render(metrics)["feature_importance"])
    assert any(text and name.startswith(text.rstrip("…")) for text in shown)


@pytest.mark.parametrize("extreme", [0.0, 1e-9, 1.0])
def test_probabilities_that_are_all_alike_are_drawn(sample: Sample, extreme: float) -> None:
    metrics = copy.deepcopy(sample.metrics)
    held = metrics["holdout"]
    held["calibration"] = [{"rows": 10, "predicted": extreme, "observed": extreme}]
    held["confusion"]["threshold"] = extreme
    empty = [0] * len(metrics["score_distribution"]["negative"])
    metrics["score_distribution"].update(
        negative=[*empty[:-1], 5] if extreme == 1 else [5, *empty[1:]], positive=empty
    )
    assert set(plots.render(metrics)) == NAMES
