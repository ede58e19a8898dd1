"""A release is written whole or not at all, once per content."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from hindcast.releases import folder

MANIFEST = {"format": 1, "model": "m", "seed": 1}
FILES = {"model.onnx": b"onnx", "serving_plan.json": b"{}"}


def test_the_same_content_is_the_same_folder(tmp_path: Path) -> None:
    first = folder.write(str(tmp_path), MANIFEST, FILES)
    assert folder.write(str(tmp_path), MANIFEST, FILES) == first
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_one_changed_byte_is_another_release(tmp_path: Path) -> None:
    first = folder.write(str(tmp_path), MANIFEST, FILES)
    assert folder.write(str(tmp_path), MANIFEST, {**FILES, "model.onnx": b"Onnx"}) != first


def test_a_killed_write_leaves_no_release(tmp_path: Path) -> None:
    code = (
        "import os, signal; from hindcast.releases import folder; "
        "folder._rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        f"folder.write({str(tmp_path)!r}, {MANIFEST!r}, {FILES!r})"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".partial-")] == []
    written = folder.write(str(tmp_path), MANIFEST, FILES)
    assert {path.name for path in written.iterdir()} == {*FILES, "manifest.json"}


def test_a_card_lies_beside_its_folder_and_is_written_anew(tmp_path: Path) -> None:
    written = folder.write(str(tmp_path), MANIFEST, FILES)
    for page in ("first", "second"):
        card = folder.write_card(written, page)
    assert card == tmp_path / f"{written.name}.html"
    assert card.read_text() == "second"
    assert {path.name for path in tmp_path.iterdir()} == {written.name, card.name}
