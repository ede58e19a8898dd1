"""A card is one well-formed page that loads nothing, escapes names and says what it is about."""

import copy
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from hindcast.models.registry import card, pages, words
from tests.unit.models.registry.conftest import Sample

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = "<script>alert('x')</script>&\"quoted\""
EVALUATION: dict[str, Any] = {
    "passed": False,
    "champion": "sample-0123456789ab",
    "as_of": "2021-01-01T00:00:00+00:00",
    "checks": [
        {"name": "roc_auc", "passed": True, "found": "0.8", "required": "at least 0.7"},
        {"name": "skew", "passed": None, "found": "no prediction yet", "required": "at most 0%"},
        {"name": "latency", "passed": False, "found": "12 ms", "required": "at most 10 ms"},
    ],
}
PROMOTIONS: list[dict[str, Any]] = [
    {
        "promoted_at": datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC),
        "action": "promote",
        "by": "anna",
        "forced": True,
        "reason": "the old one is wrong",
        "evaluation": 3,
        "number": 9,
    },
]


class Page(HTMLParser):
    """The text of a page; fails where an element is closed that is not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """Everything a reader sees, spaces as one."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.open += [] if tag in VOID else [tag]
        self._attributes(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self._attributes(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.ids += [value or ""] if name == "id" else []
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                self.loads.append(value or "")
            assert not name.startswith("on")


def page(sample: Sample, **options: Any) -> Page:
    return Page(card.render(sample.release, sample.manifest, sample.metrics, **options))


def test_a_card_is_well_formed_the_same_each_time_and_loads_nothing(sample: Sample) -> None:
    found = page(sample, evaluation=EVALUATION, promotions=PROMOTIONS)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert all(reference.startswith("#") for reference in found.loads)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(found.seen)
    whole, again = (card.render(sample.release, sample.manifest, sample.metrics) for _ in range(2))
    assert whole == again
    assert not re.search(r"@import|@font-face|url\((?!#)", whole)


def test_a_card_says_what_the_release_is_and_how_to_recompute_it(sample: Sample) -> None:
    text = page(sample, status={"version": 3, "state": "champion"}).text
    held = sample.metrics["holdout"]
    for said in (
        sample.release,
        "version 3",
        "champion",
        "raw/events version 3",
        "2021-01-01",
        "2021-02-01",
        "trusted after 1 day",
        f"{held['rows']:,} events",
        f"{held['roc_auc']:.4f}",
        f"hindcast train --like {sample.release}",
        "hindcast replay PREDICTION_ID",
        sample.manifest["files"]["model.onnx"],
        sample.manifest["libraries"]["skl2onnx"],
    ):
        assert said in text, said


def test_metrics_stand_beside_the_baselines_with_their_intervals(sample: Sample) -> None:
    text = page(sample).text
    low, high = sample.metrics["holdout"]["intervals"]["roc_auc"]
    assert f"{low:.4f} to {high:.4f}" in text
    for side in sample.metrics["baseline"].values():
        assert f"{side['brier']:.5f}" in text


def test_a_card_of_another_task_has_its_metrics_baselines_answers_and_slices(
    other: Sample,
) -> None:
    found = page(other, evaluation=EVALUATION)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    held, said = other.metrics["holdout"], words.of(other.metrics)
    for name, measure in said.measures.items():
        assert f"{measure.label} {'higher' if measure.rising else 'lower'} is better" in found.text
        assert f"{held[name]:,.{measure.digits}f}" in found.text
    for part in other.metrics["slices"]["kind"].values():
        assert f"{part['rows']:,}" in found.text
    assert set(said.baselines) == set(other.metrics["baseline"])
    answers = {
        "multiclass": "The answer is the likeliest class",
        "regression": f"to hold 90% of the labels; it holds {held.get('coverage', 0) * 100:.3g}%",
    }
    assert answers[other.metrics["task"]] in found.text


def test_on_a_narrow_screen_every_value_stands_below_its_name(other: Sample) -> None:
    """Rows become blocks there: no column is cut, and none is without its heading."""
    found = card.render(other.release, other.manifest, other.metrics, evaluation=EVALUATION)
    said = words.of(other.metrics)
    columns = [column.label for column in said.slices]
    named = ["found", "required", "model", *said.baselines.values(), *columns, "SQL", "window"]
    for name in named:
        assert f'data-label="{name}"' in found
    assert f'data-label="model over {next(iter(said.baselines.values()))}"' in found


def test_every_slice_has_a_row_and_nothing_is_called_so(sample: Sample) -> None:
    text = page(sample).text
    for part in sample.metrics["slices"]["kind"].values():
        assert f"{part['rows']:,} {part['positives']:,}" in text
    assert "(none)" in text


def test_how_far_what_rows_knew_is_from_what_is_known_now_is_shown(sample: Sample) -> None:
    differences = {"by what is known now": {"amount": 0.125}, "exact": {"amount": 0.0}}
    metrics = {**sample.metrics, "differences": differences}
    text = Page(card.render(sample.release, sample.manifest, metrics)).text
    assert "feature by what is known now exact amount 12.5% 0%" in text


def test_what_was_left_out_and_warned_of_is_shown(sample: Sample) -> None:
    left_out = {"label not mature yet": 1234, "no earlier event": 0}
    warnings = [
        {"feature": "amount", "message": "is null in 9 of 9 training rows"},
        {"feature": None, "message": "2 may be on both sides of the split"},
    ]
    metrics = {**sample.metrics, "left_out": left_out, "warnings": warnings}
    text = Page(card.render(sample.release, sample.manifest, metrics)).text
    assert "left out 1,234 events: label not mature yet 0 events: no earlier event" in text
    assert "amount is null in 9 of 9 training rows entities 2 may be on both sides" in text
    # Releases of before have none of both.
    older = {name: value for name, value in metrics.items() if name not in ("left_out", "warnings")}
    assert "left out" not in Page(card.render(sample.release, sample.manifest, older)).text


def test_every_feature_is_shown_with_its_sql_window_and_nulls(sample: Sample) -> None:
    text = page(sample).text
    for name, part in sample.metrics["features"].items():
        shown = f"{name} {part['sql']} {part['window']} {words.percent(part['nulls'])}"
        assert shown in text


@pytest.mark.parametrize(("answered", "is_said"), [(0, True), (1, False), (4, True)])
def test_a_threshold_that_tells_nothing_apart_is_warned_of(
    sample: Sample, answered: int, is_said: bool
) -> None:
    metrics = copy.deepcopy(sample.metrics)
    metrics["holdout"]["rows"] = 4
    metrics["holdout"]["confusion"] |= {"tp": 0, "fp": answered, "tn": 4 - answered, "fn": 0}
    text = Page(card.render(sample.release, sample.manifest, metrics)).text
    assert ("The threshold is degenerate" in text) == is_said


def test_a_verdict_is_shown_check_by_check(sample: Sample) -> None:
    text = page(sample, evaluation=EVALUATION).text
    assert "Failed, as of 2021-01-01, against the champion sample-0123456789ab" in text
    assert "roc_auc passed 0.8 at least 0.7" in text
    assert "skew not judged no prediction yet at most 0%" in text
    assert "latency failed 12 ms at most 10 ms" in text


def test_without_a_verdict_and_promotions_the_card_says_so(sample: Sample) -> None:
    text = page(sample).text
    assert "Not evaluated yet" in text
    assert "Never promoted" in text


def test_promotions_are_shown_with_their_reason(sample: Sample) -> None:
    text = page(sample, promotions=PROMOTIONS).text
    assert "2021-03-04 05:06:07 UTC promote forced anna 3 the old one is wrong" in text


def test_hostile_names_are_text(sample: Sample) -> None:
    manifest, metrics = copy.deepcopy(sample.manifest), copy.deepcopy(sample.metrics)
    manifest.update(model=HOSTILE, code_revision=HOSTILE)
    metrics["slices"] = {HOSTILE: {HOSTILE: metrics["slices"]["kind"]["a"]}}
    metrics["importance"][HOSTILE] = {"mean": 1.0, "deviation": 0.0}
    check = dict.fromkeys(("name", "found", "required"), HOSTILE) | {"passed": True}
    found = Page(
        card.render(
            HOSTILE,
            manifest,
            metrics,
            {"version": HOSTILE, "state": HOSTILE},
            {**EVALUATION, "champion": HOSTILE, "checks": [check]},
            [{**PROMOTIONS[0], "by": HOSTILE, "reason": HOSTILE}],
        )
    )
    assert "script" not in found.seen
    assert found.text.count(" ".join(HOSTILE.split())) >= 10
    assert found.open == []


def test_what_is_not_defined_is_a_dash(sample: Sample) -> None:
    metrics = copy.deepcopy(sample.metrics)
    for side in (metrics["holdout"], *metrics["baseline"].values()):
        for name in ("roc_auc", "pr_auc", "ks"):
            side[name] = None
            side.get("intervals", {})[name] = None
            metrics["over_baseline"]["estimates"][name] = None
            metrics["over_baseline"]["intervals"][name] = None
    metrics["holdout"]["undefined"] = "roc_auc, pr_auc and ks need both labels"
    metrics["holdout"]["confusion"].update(precision=None, recall=None)
    metrics["curves"], metrics["importance"], metrics["slices"] = {"model": None}, {}, {}
    found = Page(card.render(sample.release, sample.manifest, metrics))
    assert f"ROC AUC {pages.NONE}" in found.text
    assert "need both labels" in found.text
    assert "None" not in found.text.replace("None of the holdout", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00001, "0.0000"), (-0.00001, "0.0000"), (0.5, "+0.5000"), (-0.5, "\N{MINUS SIGN}0.5000")],
)
def test_a_difference_that_rounds_to_zero_has_no_sign(value: float, text: str) -> None:
    assert pages.signed(value) == text
