"""The Dockerfiles: one per function, which installs exactly its extra and names its handler."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra.config import FUNCTIONS
from infra.constructs.models import RELEASE_DIR

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "predict": "predict",
    "train": "train",
    "evaluate": "train",
    "control": "control",
    "control-api": "control",
    "collect-log": "compute",
    "drift": "drift",
    "batch": "batch",
}
# What a function's name and its extra decide; all else is the same.
OWN = (
    r"# .*Lambda.*|lambdas[./]\w+|hindcast-[\w-]+|(train|compute|predict|control|drift|batch)\.txt"
)


def folder(function: str) -> Path:
    return ROOT / "lambdas" / function.replace("-", "_")


def dockerfile(function: str) -> str:
    return (folder(function) / "Dockerfile").read_text()


def stages(function: str) -> list[str]:
    """What each FROM begins."""
    return re.split(r"^FROM ", dockerfile(function), flags=re.MULTILINE)[1:]


def same(function: str) -> str:
    return re.sub(OWN, "...", dockerfile(function))


def test_each_function_has_one_and_nothing_else_has() -> None:
    assert set(EXTRAS) == set(FUNCTIONS)
    found = {path.parent for path in (ROOT / "lambdas").glob("*/Dockerfile")}
    assert found == {folder(function) for function in FUNCTIONS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_hadolint_has_nothing_to_say(function: str) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, folder(function) / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("function", "extra"), EXTRAS.items())
def test_it_installs_exactly_its_extra_as_it_is_locked(function: str, extra: str) -> None:
    build, _ = stages(function)
    assert re.findall(r"requirements/([\w.]+)", build) == [f"{extra}.txt"]
    assert re.findall(r"--requirement (\S+)", build) == [f"/build/{extra}.txt"]
    assert build.count("pip install") == 2  # The locked ones, and the wheel without any.
    assert "--require-hashes" in build
    assert "--no-deps --no-index" in build


@pytest.mark.parametrize("extra", sorted(set(EXTRAS.values())))
def test_what_an_extra_asks_for_is_locked(extra: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked, waiting = set(), [extra]
    while waiting:
        for requirement in project["optional-dependencies"][waiting.pop()]:
            ours = re.fullmatch(r"hindcast\[(.+)\]", requirement)
            if ours:
                waiting += ours[1].split(",")
            else:
                asked.add(re.split(r"[\[=<>]", requirement)[0])
    lock = (ROOT / "requirements" / f"{extra}.txt").read_text()
    assert asked - set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_its_command_is_a_handler_that_it_holds(function: str) -> None:
    [command] = re.findall(r"^CMD (.+)$", dockerfile(function), re.MULTILINE)
    module, _, name = json.loads(command)[0].rpartition(".")
    file = module.replace(".", "/") + ".py"
    assert f"COPY {file} /code/{Path(file).parent}/" in dockerfile(function)
    body = ast.parse((ROOT / file).read_text()).body
    made = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    made |= {
        target.id
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert name in made


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_the_build_needs_stays_in_its_stage(function: str) -> None:
    _, final = stages(function)
    instructions = set(re.findall(r"^[A-Z]+", final, re.MULTILINE))
    assert instructions <= {"COPY", "ENV", "CMD"}
    assert len(re.findall("^COPY ", final, re.MULTILINE)) == final.count("COPY --from=build ")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lambda_chooses_the_user(function: str) -> None:
    assert "USER" not in re.findall(r"^[A-Z]+", dockerfile(function), re.MULTILINE)


def test_they_differ_by_function_and_extra_alone() -> None:
    alike = ("train", "evaluate", "control", "drift", "batch")
    assert len({same(function) for function in alike}) == 1
    assert len({same(function).partition("COPY dist")[0] for function in FUNCTIONS}) == 1


def test_predict_holds_its_release_where_the_function_looks_for_it() -> None:
    build, final = stages("predict")
    assert 'ln -s "releases/${RELEASE}" /opt/hindcast/release' in build
    assert "COPY --from=build /opt/hindcast /opt" in final
    assert RELEASE_DIR == "/opt/release"
