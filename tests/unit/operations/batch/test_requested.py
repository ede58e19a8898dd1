"""Batches that an event asks for, by file, by text or as a document."""

from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import InputError
from hindcast.operations.batch.requested import requested

DOCUMENT: dict[str, Any] = {
    "model": {"type": "onnx", "params": {"path": "model.onnx"}},
    "data": {
        "source": {"type": "s3", "params": {"uri": "s3://lake/incoming/"}},
        "target": {"type": "delta", "params": {"uri": "s3://lake/scores"}},
    },
}
TEXT = """\
model: {type: onnx, params: {path: model.onnx}}
data:
  source: {type: s3, params: {uri: "s3://lake/incoming/"}}
  target: {type: delta, params: {uri: "s3://lake/scores"}}
"""


def test_a_file_a_text_and_a_document_are_the_same_batch(tmp_path: Path) -> None:
    path = tmp_path / "weekly.yaml"
    path.write_text(TEXT)
    batches = [requested({"config": given}) for given in (str(path), TEXT, DOCUMENT)]
    assert batches[0].config == batches[1].config == batches[2].config
    assert batches[0].name == str(path)


def test_new_data_come_in_place_of_the_sources_and_clocks_of_the_files() -> None:
    new = "s3://lake/incoming/monday.parquet"
    batch = requested({"config": TEXT, "data": new, "as_of": "2021-09-17"})
    assert batch.params["source"].uri == new
    assert str(batch.config.as_of) == "2021-09-17 00:00:00+00:00"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "config: missing; give a file, an s3:// address or the YAML itself"),
        ({"config": "nowhere.yaml"}, "nowhere.yaml: no such file"),
        ({"config": TEXT, "chunks": 3}, "chunks: unknown in a batch's event; it has config, data"),
        ({"config": TEXT.replace("onnx,", "onxx,")}, r"the event's config: model.type \(line 1\)"),
        (
            {
                "config": TEXT.replace("type: s3", "type: delta"),
                "data": "x",
            },
            "data.source is no s3, so new data cannot take its place",
        ),
    ],
    ids=["nothing", "no file", "unknown", "wrong YAML", "no s3"],
)
def test_what_an_event_has_wrong_is_told(event: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        requested(event)
