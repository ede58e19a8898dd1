"""A release is served only as it was released."""

import json
from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import InputError, ReleaseError
from hindcast.serving import plan, release
from tests.unit.serving import sample_release


def test_a_whole_release_loads(tmp_path: Path) -> None:
    folder = sample_release.write(tmp_path)
    loaded = release.load(folder)
    assert loaded.id == folder.name
    assert loaded.plan.names == ("nb_previous_loans", "income", "flag_own_car", "age")
    assert loaded.plan.threshold == 0.5
    assert loaded.manifest["seed"] == 1


@pytest.mark.parametrize("name", ["model.onnx", "serving_plan.json", "metrics.json"])
def test_a_changed_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = sample_release.write(tmp_path)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(ReleaseError, match=f"{name} has changed"):
        release.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "metrics.json"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = sample_release.write(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ReleaseError, match=name):
        release.load(folder)


def test_a_file_that_is_not_listed_is_refused_by_name(tmp_path: Path) -> None:
    folder = sample_release.write(tmp_path)
    (folder / "extra").mkdir()
    (folder / "extra" / "model.pkl").write_bytes(b"")
    with pytest.raises(ReleaseError, match=r"extra/model\.pkl is not part of the release"):
        release.load(folder)


def test_a_changed_manifest_belongs_to_another_release(tmp_path: Path) -> None:
    folder = sample_release.write(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "seed": 2}))
    with pytest.raises(ReleaseError, match="belongs to release credit_risk-"):
        release.load(folder)


def test_a_folder_named_as_releases_were_before_is_read(tmp_path: Path) -> None:
    folder = sample_release.write(tmp_path)
    model, _, digest = folder.name.rpartition("-")
    assert len(digest) == 64
    old = folder.rename(tmp_path / f"{model}-{digest[:12]}")
    assert release.load(old).id == release.short(folder.name) == old.name
    with pytest.raises(ReleaseError, match="belongs to release"):
        release.load(old.rename(tmp_path / f"{model}-{digest[:13]}"))


@pytest.mark.parametrize(
    "given",
    ["../../x", f"../m-{'0' * 64}", f"m-{'0' * 64}\n", f"m-{'0' * 13}", "m", "", None, 3],
    ids=["path", "path to an id", "line", "other length", "model", "empty", "none", "version"],
)
def test_what_is_no_release_s_id_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="no release's id"):
        release.model_of(given)
    assert release.model_of(f"late-2-{'0a' * 32}") == "late-2"


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b"\xff"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = sample_release.write(tmp_path)
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ReleaseError, match="is not a manifest"):
        release.load(folder)


def test_a_plan_and_a_model_of_different_widths_are_refused(tmp_path: Path) -> None:
    *others, last = sample_release.FEATURES
    folder = sample_release.write(tmp_path, features=[*others, {**last, "type": "string"}])
    with pytest.raises(ReleaseError, match=r"model\.onnx takes"):
        release.load(folder)


def test_a_model_that_gives_other_scores_than_the_plan_says_is_refused(tmp_path: Path) -> None:
    classes = [*sample_release.CLASSES, "cancelled"]
    folder = sample_release.write(tmp_path, task="multiclass", classes=classes)
    with pytest.raises(ReleaseError, match=r"model\.onnx gives .* of width 4"):
        release.load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 1},
        {"threshold": "high"},
        {"task": "clustering"},
        {"task": "multiclass"},
        {"task": "multiclass", "classes": ["late"]},
        {"task": "multiclass", "classes": ["late", "late"]},
        {"task": "multiclass", "classes": ["late", 1]},
        {"task": "regression"},
        {"task": "regression", "interval": {"coverage": 1.0, "half_width": 2.0}},
        {"task": "regression", "interval": {"coverage": 0.9, "half_width": float("inf")}},
        {"features": [{"name": "birthday", "type": "date", "request_time": False}]},
        {"features": [{"name": "age"}]},
        {"keys": sample_release.key("double")},
    ],
)
def test_a_plan_that_cannot_be_served_is_refused(changes: dict[str, Any]) -> None:
    text = json.dumps(sample_release.plan(**changes)).encode()
    with pytest.raises(ReleaseError, match=r"serving_plan\.json"):
        plan.parse(text)


def test_decimals_are_numbers_and_strings_are_categories() -> None:
    features = [
        {"name": "amount", "type": "decimal(18,6)", "request_time": False},
        {"name": "income_type", "type": "string", "request_time": False},
        {"name": "age", "type": "bigint", "request_time": True},
    ]
    parsed = plan.parse(json.dumps(sample_release.plan(features=features)).encode())
    assert (parsed.numeric, parsed.categorical) == ((0, 2), (1,))
