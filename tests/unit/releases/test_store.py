"""A place becomes a store: a folder is one by itself."""

from pathlib import Path

import pytest

from hindcast.errors import InputError
from hindcast.releases import folder
from hindcast.releases.store import open_store

MANIFEST = {"format": 1, "model": "m", "seed": 1}
FILES = {"model.onnx": b"onnx", "serving_plan.json": b"{}"}


def test_a_folder_keeps_what_is_written_to_it(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "releases"), tmp_path / "copies")
    assert store.names() == []
    written = folder.write(store.folder, MANIFEST, FILES)
    store.add(written.name)
    assert store.names() == [written.name]
    assert store.fetch(written.name) == written
    assert store.location(written.name) == str(written)
    assert not (tmp_path / "copies").exists()


def test_a_folder_has_a_card_beside_each_release(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), tmp_path)
    written = folder.write(store.folder, MANIFEST, FILES)
    assert store.card(written.name) is None
    for page in ("first", "second, ü"):
        store.write_card(written.name, page)
        assert store.card(written.name) == page
    assert Path(f"{store.location(written.name)}.html").is_file()


def test_a_place_of_another_kind_is_refused_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        open_store("gs://bucket/models", tmp_path)
    assert str(raised.value) == (
        "HINDCAST_RELEASES=gs://bucket/models: use a folder or s3://BUCKET/PATH"
    )
