"""A batch's YAML is checked whole: every fault at once, each by its path and line."""

from pathlib import Path

import pytest

from hindcast.errors import InputError
from hindcast.operations.batch import config, references

GOOD = """
model: {type: release, params: {release: champion}}
data:
  source: {type: local_file, params: {path: rows.csv}}
  target: {type: delta, params: {uri: scores}}
"""


def refused(text: str) -> str:
    with pytest.raises(InputError) as raised:
        config.parse(text, "batch.yaml")
    return str(raised.value)


def test_what_is_not_said_has_defaults() -> None:
    found = config.parse(GOOD, "batch.yaml").config
    assert (found.engine, found.as_of, found.known_by) == ("local", None, None)
    assert found.chunk_rows == config.CHUNK_ROWS


def test_an_instant_is_in_utc_whichever_way_it_is_written() -> None:
    texts = ("2021-03-01", "2021-03-01T00:00:00", "'2021-03-01'", "2021-03-01T01:00:00+01:00")
    found = {config.parse(f"as_of: {text}{GOOD}", "batch.yaml").config.as_of for text in texts}
    assert [str(each) for each in found] == ["2021-03-01 00:00:00+00:00"]


def test_all_faults_are_told_in_one_go_by_path_and_line() -> None:
    told = refused(
        """
model: {type: relase}
data:
  source:
    type: loacl_file
  target: {type: local_file, params: {path: scores.csv, pat: 1}}
chunk_rows: many
max_eror_share: 0.1
"""
    )
    assert "\n" not in told
    for fault in (
        "model.type (line 2) 'relase' is not one of",
        "did you mean release?",
        "data.source.type (line 5) 'loacl_file' is not one of local_file, ",
        "did you mean local_file?",
        "data.target.params.pat (line 6) is unknown; did you mean path?",
        "chunk_rows (line 7) 'many': ",
        "max_eror_share (line 8) is unknown; did you mean max_error_share?",
    ):
        assert fault in told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("a: [", "line 1"),
        ("- 1", "the file (line 1)"),
        ("a: 1\na: 2", "line 2: a is there twice"),
        ("? [a, b]\n: c", "line 1"),
        ("model: &a [*a]", "not YAML"),
        ("model: !!python/object:os.system {}", "line 1"),
        ("as_of: 2021-13-01" + GOOD, "as_of (line 1)"),
        ("max_error_share: 2" + GOOD, "max_error_share (line 1)"),
    ],
    ids=["empty", "torn", "list", "twice", "list-as-key", "endless", "code", "no-date", "share"],
)
def test_what_is_no_batch_is_refused_in_one_line(text: str, reason: str) -> None:
    told = refused(text)
    assert reason in told
    assert "\n" not in told


@pytest.mark.parametrize("name", ["os:path", ":", "no.such.module:Class", "subprocess:Popen"])
def test_a_type_that_is_no_such_part_is_refused(name: str) -> None:
    told = refused(GOOD.replace("type: release", f"type: '{name}'"))
    assert f"model.type (line 2) '{name}'" in told


def sql_batch(url: str) -> str:
    return GOOD.replace(
        "{type: local_file, params: {path: rows.csv}}",
        f"{{type: sql, params: {{url: '{url}', query: select 1}}}}",
    )


def test_a_secret_stays_a_reference_until_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORES_PASSWORD", "s3cret")
    url = "postgresql://scorer:${env:SCORES_PASSWORD}@db/scores"
    found = config.parse(sql_batch(url), "batch.yaml")
    assert "s3cret" not in f"{found.config} {found.params} {found.text}"
    assert references.resolved(url) == "postgresql://scorer:s3cret@db/scores"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://u:${env:NOT_THERE_1}@db/d", "has no NOT_THERE_1"),
        ("postgresql://u:${vault:x}@db/d", "${vault:x} is no reference"),
        ("postgresql://u:open@db/d", "${env:NAME}"),
    ],
    ids=["not-set", "no-reference", "written-out"],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(url: str, reason: str) -> None:
    told = refused(sql_batch(url))
    assert "data.source.params.url (line 4)" in told
    assert reason in told
    assert ":open@" not in told


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        config.read(tmp_path / "none.yaml")
