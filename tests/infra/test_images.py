"""`make images`: which builder, told what, and what lies in the folder that it builds from."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra import base_image, images
from infra.config import FUNCTIONS

# A builder that answers, and keeps what it was told and given.
WORKING = """#!/bin/sh
if [ "$1" = info ]; then exit 0; fi
echo "$0" "$@" "no attestations: $BUILDX_NO_DEFAULT_ATTESTATIONS" >> {kept}/told
for context; do :; done
cp -r "$context" {kept}/context
"""
AWAY = "#!/bin/sh\nexit 1\n"
FAILING = '#!/bin/sh\nif [ "$1" != info ]; then echo no space left >&2; exit 125; fi\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs, but for the system's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("cp", "sh"):
        (folder / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(path: Path, builder: str, script: str) -> None:
    (path / builder).write_text(script)
    (path / builder).chmod(0o755)


def made_by(path: Path, tmp_path: Path, *given: str) -> tuple[list[str], Path]:
    """What a builder was told, one line a call, and the folder it was given at last."""
    install(path, "podman", WORKING.format(kept=tmp_path))
    images.main(["predict", "--version", "1", "--prefix", "r/hindcast-", *given])
    return (tmp_path / "told").read_text().splitlines(), tmp_path / "context"


def test_the_first_builder_that_answers_builds(path: Path) -> None:
    install(path, "docker", AWAY)  # The client is there, the daemon is not.
    install(path, "podman", WORKING)
    install(path, "buildah", WORKING)
    assert images.find_builder() == "podman"
    assert images.find_builder("buildah") == "buildah"


@pytest.mark.parametrize("asked", ["", "docker", "podman", "kaniko"])
def test_without_a_builder_one_line_says_what_to_do(path: Path, asked: str) -> None:
    install(path, "docker", AWAY)
    with pytest.raises(SystemExit) as ended:
        images.find_builder(asked)
    assert re.fullmatch(r"images: .* does not answer; install .*", str(ended.value))


def test_a_builder_is_told_all_that_was_asked(
    path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ("--base", "mirror/python", "--base-version", "3.13", "--flags", "--squash --quiet")
    [told], _ = made_by(path, tmp_path, *given)
    assert "podman build --platform linux/amd64 --tag r/hindcast-predict:1 --file " in told
    assert "--build-arg BASE=mirror/python --build-arg BASE_VERSION=3.13 --squash --quiet" in told
    assert told.endswith("no attestations: 1")
    assert capfd.readouterr().out.splitlines()[-1] == "r/hindcast-predict:1"


def test_the_base_is_the_locked_one_by_its_digest(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lock, digest = tmp_path / "base.json", f"sha256:{'0' * 64}"
    monkeypatch.setattr(base_image, "LOCK", lock)
    for kept in (digest, None):
        lock.write_text(json.dumps({"repository": "r/python", "tag": "3", "digest": kept}))
        told, _ = made_by(path, tmp_path)
        shutil.rmtree(tmp_path / "context")
    assert f"--build-arg BASE=r/python --build-arg BASE_VERSION=3@{digest} " in told[0]
    assert "BASE" not in told[1]
    assert "images: r/python:3 has no digest yet; run make lock-images\n" in capfd.readouterr().err


def test_the_lock_names_the_base_of_the_dockerfiles() -> None:
    repository, tag, _ = base_image.locked()
    for function in FUNCTIONS:
        folder = images.ROOT / "lambdas" / function.replace("-", "_")
        lines = (folder / "Dockerfile").read_text().splitlines()
        assert {f"ARG BASE={repository}", f"ARG BASE_VERSION={tag}"} <= set(lines)


def test_it_is_given_what_the_dockerfiles_copy_and_nothing_else(path: Path, tmp_path: Path) -> None:
    release, project = tmp_path / "credit_risk-0123456789ab", tmp_path / "definitions"
    for folder, name in ((release, "manifest.json"), (project, "definitions.py")):
        folder.mkdir()
        (folder / name).write_text("")
    (project / ".hindcast").mkdir()
    [told], context = made_by(path, tmp_path, "--release", str(release), "--project", str(project))
    assert f"--build-arg RELEASE={release.name}" in told
    assert {item.name for item in context.iterdir()} == {
        "dist",
        "lambdas",
        "project",
        "releases",
        "requirements",
    }
    assert (context / "releases" / release.name / "manifest.json").is_file()
    assert [item.name for item in (context / "project").iterdir()] == ["definitions.py"]
    [wheel] = (context / "dist").iterdir()
    within = zipfile.ZipFile(wheel).namelist()
    assert "hindcast/examples/credit_risk/definitions.py" in within
    assert [name for name in within if "__pycache__" in name] == []


def test_without_a_release_and_a_project_their_folders_are_empty(
    path: Path, tmp_path: Path
) -> None:
    [told], context = made_by(path, tmp_path)
    assert "RELEASE" not in told
    assert [list((context / name).iterdir()) for name in ("releases", "project")] == [[], []]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("--release", "RELEASE=/nowhere: there is no manifest.json in it"),
        ("--project", "PROJECT=/nowhere: there is no definitions.py in it"),
    ],
)
def test_a_folder_that_is_not_what_it_should_be_is_refused(
    path: Path, tmp_path: Path, given: str, reason: str
) -> None:
    with pytest.raises(SystemExit, match=reason):
        made_by(path, tmp_path, given, "/nowhere")


def test_a_function_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        images.main(["serve", "--version", "1", "--prefix", "x"])
    assert ended.value.code == 2
    assert ", ".join(FUNCTIONS) in capsys.readouterr().err


def test_a_build_that_fails_ends_in_a_line(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install(path, "podman", FAILING)
    with pytest.raises(SystemExit, match="images: hindcast-train:1 was not built"):
        images.main(["train", "predict", "--version", "1", "--prefix", "hindcast-"])
    assert capfd.readouterr().err.count("no space left") == 1


def test_make_passes_its_variables_on() -> None:
    given = ["FUNCTIONS=predict train", "VERSION=7", "RELEASE=models/x", "BUILDER=docker"]
    make = ["make", "--dry-run", "images", *given]
    shown = subprocess.run(
        make,
        cwd=images.ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("\\\n", "")
    options = {
        "version": "7",
        "prefix": "hindcast-",
        "release": "models/x",
        "builder": "docker",
        "base": "",
        "base-version": "",
        "project": "",
        "flags": "",
    }
    assert "-m infra.images predict train " in shown
    assert dict(re.findall(r'--([a-z-]+) "([^"]*)"', shown)) == options
