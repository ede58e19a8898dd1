"""Lines that were forged or changed are found by replay and by verify, wherever that was done."""

import json
import math
from collections.abc import Sequence
from io import BytesIO

import boto3
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from hindcast import names
from hindcast.audit.prediction_log import Stream, collect
from hindcast.audit.replay.replay import replay, skew
from hindcast.errors import InputError, StoreUnavailableError
from hindcast.operations.verification import verify
from hindcast.serving import line_tags, secret
from hindcast.stores import line_keys
from tests.integration import moto_aws
from tests.integration.hindsight import ANN, BOB, NOW, Home, Line

FORGED = "forged: its tag is of another line, or by another key"
ANOTHER = "another line of this prediction_id was collected before"
UNPROVEN = "unproven: written before tags, or by something else"


def score(home: Home) -> Line:
    """The line of a score of values that the caller sent."""
    (asked,) = home.ask("/predict", {"id": ANN})
    (line,) = home.ask("/score", {"features": asked["features"]})
    return line


def test_a_line_that_was_forged_whole_does_not_match(home: Home) -> None:
    line = score(home)
    del line["tag"]
    home.collect({**line, "prediction_id": "forged", "tag": "1:" + "0" * 64}, line)
    forged = replay(home.application, "forged")
    assert (forged.is_same, forged.matches, forged.doubt) == (True, False, FORGED)
    before = replay(home.application, line["prediction_id"])
    assert (before.is_same, before.matches, before.doubt) == (True, False, UNPROVEN)


def test_a_forged_line_that_comes_first_keeps_no_true_one_out(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    line = score(home)
    log = home.folder / "edited.log"
    log.write_bytes(said([{**line, "id": "8"}, line]).getvalue())
    code, printed, _ = home.run(capsys, "collect-log", str(log), "--json")
    report = json.loads(printed)
    assert (code, report["new"], report["quarantined"]) == (0, 1, 1)
    assert report["reasons"] == [f"edited.log line 1: {FORGED}"]
    assert replay(home.application, line["prediction_id"]).matches


def test_of_two_lines_of_a_prediction_the_second_goes_to_quarantine(home: Home) -> None:
    line = score(home)
    other = {**line, "tag": "1:" + "0" * 64}
    for lines in ((line, other), (other,)):  # In one batch, and against the table.
        report = collect([Stream("log", said(lines))], home.application.lake, NOW)
        assert report.reasons == (f"log line {len(lines)}: {ANOTHER}",)
        assert (report.predictions, report.quarantined) == (len(lines) - 1, 1)
    assert replay(home.application, line["prediction_id"]).matches


def said(lines: Sequence[Line]) -> BytesIO:
    return BytesIO("".join(f"{json.dumps(line)}\n" for line in lines).encode())


def test_verify_and_the_skew_report_tell_forged_old_and_proven_lines_apart(home: Home) -> None:
    lines = [*home.ask("/predict/batch", {"ids": [ANN, BOB, 7, "none"]}), score(home)]
    changed = {**score(home), "instant": "2021-09-17T00:00:00+00:00"}
    untagged = {name: value for name, value in score(home).items() if name != "tag"}
    home.collect(*lines, changed, untagged)
    report = verify(home.application)
    assert report.checked["predictions"] == 7
    assert [(d.part, d.what) for d in report.damage] == [
        ("predictions", f"{changed['prediction_id']}: {FORGED}")
    ]
    assert report.unproven == {f"predictions: {UNPROVEN}": 1}
    found = skew(home.application, 10, None)
    assert (found.predictions, found.matching, found.differing) == (5, 3, ())
    assert found.doubts == {FORGED: 1, UNPROVEN: 1}


def test_a_column_that_was_changed_in_the_lake_is_found(home: Home) -> None:
    home.answer(ANN)
    table = home.application.lake.open(names.PREDICTIONS, fix="")
    rows = table.to_pyarrow_table()
    changes = {"probability": 0.5, "features": '{"x":1}', "id": "8", "outcome": names.UNKNOWN}
    for column, value in changes.items():
        field = rows.schema.field(column)
        place = rows.schema.get_field_index(column)
        changed = rows.set_column(place, field, pa.array([value], field.type))
        write_deltalake(table.table_uri, changed, mode="overwrite")
        (damage,) = verify(home.application).damage
        assert "forged: " in damage.what, column


def test_a_release_that_was_changed_is_named(home: Home) -> None:
    folder = home.application.release_folder(home.releases[0])
    (folder / "model.onnx").write_bytes(b"x")
    (damage,) = verify(home.application).damage
    assert (damage.part, "model.onnx has changed" in damage.what) == ("releases", True)


def test_lines_with_words_for_numbers_and_shortened_ones_are_proven(home: Home) -> None:
    (asked,) = home.ask("/predict", {"id": ANN})
    long = {name: "x" * 300_000 for name, value in asked["features"].items() if type(value) is str}
    (line,) = home.ask("/score", {"features": {**asked["features"], **long}})
    home.collect(line)
    keys = home.application.line_keys
    assert keys is not None
    words = {**line, "prediction_id": "nan", "probability": "NaN"}
    home.collect({**words, "tag": keys.tag(words)})
    assert line.get("shortened", False) is bool(long)
    assert verify(home.application).damage == ()
    assert math.isnan(float(words["probability"]))


def test_a_key_of_the_home_is_its_owners_and_may_be_followed_by_another(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (first,) = home.answer(ANN)
    file = home.folder / line_keys.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    code, printed, _ = home.run(capsys, "rotate-line-key", "--json")
    assert (code, json.loads(printed)) == (0, {"key": 2})
    vars(home.application).pop("line_keys")  # As another process reads them.
    (second,) = home.answer(ANN)
    assert (first["tag"][:2], second["tag"][:2]) == ("1:", "2:")
    assert all(replay(home.application, line["prediction_id"]).matches for line in (first, second))
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_keys_of_a_deployment_are_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_aws.served():
        manager = boto3.client("secretsmanager")
        manager.create_secret(Name="keys", SecretString=json.dumps({"1": "k" * 32}))
        manager.create_secret(Name="text", SecretString="text")
        assert line_tags.parse(secret.read("keys"), "keys").keys == {1: b"k" * 32}
        for name, refusal in (("text", "not a JSON object"), ("none", "answers 4")):
            with pytest.raises(InputError, match=f"secret {name}: .*{refusal}"):
                secret.read(name)
        with monkeypatch.context() as patch:  # Or the account's would be put back once it is gone.
            patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            with pytest.raises(StoreUnavailableError, match=r"secret keys: .*refused"):
                secret.read("keys")
