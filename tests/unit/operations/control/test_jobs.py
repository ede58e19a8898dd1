"""What a job is given, and the command that does it."""

from dataclasses import replace
from typing import Any

import pytest

from hindcast import project
from hindcast.cli.jobs import command_line
from hindcast.definitions import Feature, FeatureView, prior
from hindcast.operations.control import jobs
from hindcast.project import Project
from hindcast.serving.requests import RequestError

AS_OF = "2021-09-17T00:00:00+00:00"


@pytest.fixture(scope="module")
def example() -> Project:
    """Of whose sources outcomes alone say when they were recorded; a view of them beside."""
    found = project.read(project.examples() / "credit_risk")
    source = found.sources["outcomes"]
    counted = Feature("count", "count(*)", over=prior())
    view = FeatureView("outcome", source=source, features=[counted])
    return replace(found, declared={**found.declared, "outcome": view})


@pytest.mark.parametrize(
    ("command", "given", "known_by"),
    [
        ("materialize", {"view": "outcome"}, AS_OF),
        ("materialize", {"view": "outcome", "known_by": "2021-09-18"}, "2021-09-18T00:00:00+00:00"),
        ("materialize", {"view": "credit_history"}, None),
        ("train", {"model": "credit_risk"}, None),
    ],
    ids=["all say when", "given", "it does not", "some do not"],
)
def test_as_of_alone_knows_what_was_known_then_where_sources_say_when(
    example: Project, command: str, given: dict[str, Any], known_by: str | None
) -> None:
    found = jobs.parameters(command, {"as_of": "2021-09-17", **given}, example)
    assert found.get("known_by") == known_by
    assert found["as_of"] == AS_OF


@pytest.mark.parametrize("field", ["model", "view", "source"])
def test_what_is_not_declared_is_refused_by_its_field(example: Project, field: str) -> None:
    command = {"model": "train", "view": "materialize", "source": "ingest"}[field]
    files = {"files": ["a.csv"]} if command == "ingest" else {}
    with pytest.raises(RequestError) as refused:
        jobs.parameters(command, {field: "other", **files}, example)
    assert (refused.value.status, refused.value.field) == (422, field)


def test_a_key_is_the_same_job_of_its_caller_alone() -> None:
    assert jobs.unique_text("ann", "k") == jobs.unique_text("ann", "k")
    assert (
        len({jobs.unique_text(*given) for given in [("ann", "k"), ("bob", "k"), ("ann", "j")]}) == 3
    )
    assert jobs.unique_text("ann", None) != jobs.unique_text("ann", None)


def test_no_parameter_is_taken_for_an_option() -> None:
    words = command_line("ingest", {"files": ["--force", "a b.csv"], "source": "--home=/"})
    assert words == ["ingest", "--source=--home=/", "--", "--force", "a b.csv"]
    day = {"model": "risk", "from": AS_OF}
    assert command_line("drift", day) == ["drift", f"--since={AS_OF}", "--", "risk"]
    resumed = {"config": "a.yaml", "run_id": "r1"}
    assert command_line("batch", resumed) == ["batch", "--run-id=r1", "--", "a.yaml"]
    knows_then = {"from": AS_OF, "as_of": AS_OF, "known_by": AS_OF}
    assert command_line("train", knows_then)[1:] == [
        f"--from={AS_OF}",
        f"--as-of={AS_OF}",
        "--known-then",
    ]
