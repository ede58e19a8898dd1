"""A version is built once, in the pipeline's own account."""

import hashlib
import json
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra import config
from infra.config import DELIVERY, FUNCTIONS, PRODUCTION, PRODUCTION_ACCOUNT, STAGING
from infra.delivery import artifacts, build, built, images, release_image, scans
from infra.delivery.step import ROOT, DeliveryError, Variables, command
from infra.project import EXAMPLE
from tests.infra.delivery.conftest import VERSION, Calls, Commands, client
from tests.infra.delivery.permissions import ACCOUNT, REGION, refused
from tests.infra.deployments import DELIVERY_STACK, TESTED
from tests.infra.resources import Template, listed, of_type, statements, text
from tests.orchestration.aws import refusal

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
GIVEN = Variables({"VERSION": VERSION, "DEPLOYMENTS": "staging,production"})
# What docker asks ECR for with the password that it is given, to push one image.
PUSH = (
    "BatchCheckLayerAvailability",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
    "BatchGetImage",
)


@pytest.fixture
def places(aws: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    """The pipeline's repositories, where docker pushes; and a folder for what is built."""
    for image in FUNCTIONS:
        client("ecr").create_repository(repositoryName=DELIVERY.built(image))
    for name, path in (("FOLDER", ""), ("FILES", "files"), ("DIGESTS", "images.json")):
        monkeypatch.setattr(built, name, tmp_path / "built" / path)
    monkeypatch.setattr(images, "push", pushed)
    monkeypatch.setattr(scans, "PAUSE_SECONDS", 0)
    scanned(aws, "LOW")
    aws.calls.clear()
    return aws


def scanned(aws: Calls, severity: str) -> None:
    """What ECR says of every image, once it has looked a second time."""
    looks = iter(range(1_000))

    def answer(given: dict[str, Any]) -> Any:
        if next(looks) == 0:
            raise refusal("ScanNotFoundException", "not yet", "DescribeImageScanFindings")
        found = {"findings": [{"name": "CVE-2026-1", "severity": severity}]}
        return {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": found}

    aws.fakes["ecr", "DescribeImageScanFindings"] = answer


def pushed(local: str, remote: str) -> None:
    command(["docker", "push", "--quiet", remote])
    repository, _, tag = remote.removeprefix(f"{REGISTRY}/").partition(":")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    config = {"digest": f"sha256:{hashlib.sha256(local.encode()).hexdigest()}"}
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
    client("ecr").put_image(
        repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag
    )


@pytest.fixture
def python(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Python builds our wheel as ever, and downloads none."""
    path = commands.add("python")
    path.write_text(
        path.read_text() + f'case "$2" in pip) ;; *) exec {sys.executable} "$@" ;; esac\n'
    )
    monkeypatch.setattr(sys, "executable", str(path))
    return commands


def test_everything_is_built_once_and_nothing_is_deployed(
    stacks: dict[str, Template], places: Calls, python: Commands
) -> None:
    build.run(GIVEN)
    noted = [line for line in python.noted if line.split()[0] in ("make", "docker")]
    assert noted[:2] == [
        "make synth",
        f"make images BUILDER=docker PREFIX=hindcast- VERSION={VERSION}",
    ]
    assert noted[2] == f"docker login --username AWS --password-stdin {REGISTRY}"
    remote = [line.split()[-1] for line in noted[3:]]
    assert remote == [f"{REGISTRY}/hindcast-main-built-{one}:{VERSION}" for one in FUNCTIONS]
    assert built.digests(VERSION, STAGING) == built.digests(VERSION, PRODUCTION)
    assert set(built.digests(VERSION, STAGING)) == set(FUNCTIONS)
    made = [
        *(call for call in places.calls if call[0] != "ecr" or call[1] != "PutImage"),
        *(("ecr", action, {"repositoryName": DELIVERY.built("train")}) for action in PUSH),
    ]
    assert refused(stacks[DELIVERY_STACK], "Pipelinebuild", made) == []


def test_an_image_with_what_is_critical_ends_the_build(places: Calls, python: Commands) -> None:
    scanned(places, "CRITICAL")
    with pytest.raises(DeliveryError, match=r"hindcast-main-built-\S+ has known .*: CVE-2026-1;"):
        build.run(GIVEN)
    assert not built.DIGESTS.exists()


def test_before_the_approval_nobody_may_write_where_production_reads(
    stacks: dict[str, Template],
) -> None:
    """Neither images nor files; nor may a step of staging take a role of production."""
    after = re.compile("|".join(one.name.replace("-", "") for one in TESTED.production))
    reached = {
        (name, text(target))
        for name, policy in of_type(stacks[DELIVERY_STACK], "AWS::IAM::Policy").items()
        if not after.search(name)
        for statement in statements(policy)
        for target in listed(statement["Resource"])
    }
    assert any(name.startswith("Pipelinebuild") for name, _ in reached)
    others = (PRODUCTION_ACCOUNT, *(one.prefix for one in TESTED.production))
    own = {one for one in reached if "PipelineRole" in one[0]}  # It starts every project.
    assert [one for one in reached - own if any(other in one[1] for other in others)] == []


def test_deployments_with_other_definitions_get_other_images(
    places: Calls, python: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(PRODUCTION, project=EXAMPLE)
    monkeypatch.setattr(config, "DELIVERY", replace(config.DELIVERY, production=(own,)))
    build.run(GIVEN)
    noted = [line for line in python.noted if line.startswith("make images")]
    tag = f"{VERSION}.examples-credit_risk"
    assert noted == [
        f"make images BUILDER=docker PREFIX=hindcast- VERSION={VERSION}",
        f"make images BUILDER=docker PREFIX=hindcast- VERSION={tag} PROJECT=examples/credit_risk",
    ]
    assert set(json.loads(built.DIGESTS.read_text())["images"]) == {VERSION, tag}
    assert set(built.digests(VERSION, own)) == set(FUNCTIONS)
    names = [[path.name for path in built.files(built.FILES, one)] for one in (STAGING, own)]
    assert "definitions.py" not in names[0]
    assert names[1] == [*names[0], "definitions.py"]


def test_a_project_without_definitions_builds_nothing(
    aws: Calls, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(PRODUCTION, project=replace(EXAMPLE, folder="projects/none"))
    monkeypatch.setattr(config, "DELIVERY", replace(config.DELIVERY, production=(own,)))
    with pytest.raises(DeliveryError, match=r"production: there is no projects/none/definitions"):
        build.run(GIVEN)
    assert commands.noted == []


def test_a_build_that_is_tried_again_pushes_only_what_is_missing(
    places: Calls, commands: Commands
) -> None:
    for image in FUNCTIONS[1:]:
        pushed(image, f"{REGISTRY}/{DELIVERY.built(image)}:{VERSION}")
    first = len(commands.noted)
    images.publish(VERSION)
    assert commands.noted[first + 1 :] == [
        f"docker push --quiet {REGISTRY}/{DELIVERY.built(FUNCTIONS[0])}:{VERSION}"
    ]


def test_a_pipeline_without_repositories_is_told_what_to_do(aws: Calls, commands: Commands) -> None:
    with pytest.raises(DeliveryError, match="no repository hindcast-main-built-predict: deploy"):
        images.publish(VERSION)
    assert commands.noted == []


def test_an_image_that_cannot_be_pushed_fails_the_build(places: Calls, commands: Commands) -> None:
    commands.fail("docker")
    with pytest.raises(
        DeliveryError, match=r"`docker login --username AWS .* failed with exit code 1"
    ):
        images.publish(VERSION)


def test_the_zip_of_wheels_is_as_glue_asks(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in ("hindcast-0.1.0-py3-none-any.whl", "psycopg_binary-3.3.9-cp311-cp311-linux.whl"):
        (wheels / name).touch()
    (wheels / "requirements.txt").write_text(artifacts.pins(wheels))
    artifacts.pack(tmp_path / artifacts.WHEELS, tmp_path, wheels.iterdir())
    with zipfile.ZipFile(tmp_path / artifacts.WHEELS) as made:
        assert made.namelist() == [
            "wheels/hindcast-0.1.0-py3-none-any.whl",
            "wheels/psycopg_binary-3.3.9-cp311-cp311-linux.whl",
            "wheels/requirements.txt",
        ]
        pins = made.read("wheels/requirements.txt").decode()
    assert pins == "hindcast==0.1.0\npsycopg_binary==3.3.9\n"
    assert artifacts.WHEELS.endswith(".gluewheels.zip")


def test_the_source_is_what_a_release_image_is_made_from() -> None:
    held = {str(path.relative_to(ROOT)) for path in artifacts.sources()}
    assert {
        "Makefile",
        "buildspec.yml",
        "pyproject.toml",
        "README.md",
        "requirements/dev.txt",
        "requirements/predict.txt",
        "lambdas/predict/Dockerfile",
        "lambdas/predict/handler.py",
        "infra/images.py",
        "infra/delivery/release_image.py",
        "src/hindcast/serving/service.py",
        "examples/credit_risk/definitions.py",
    } <= held
    assert not [name for name in held if "__pycache__" in name or name.startswith((".", "tests"))]


RELEASE = Variables(
    {
        "RELEASE": "risk-0123456789ab",
        "RELEASES": "s3://releases/models",
        "REPOSITORY": "hindcast-staging-predict-credit_risk",
        "IMAGE_TAG": "risk-0123456789ab",
        "AWS_REGION": REGION,
    }
)


def test_a_release_image_is_predict_with_the_release_inside(
    stacks: dict[str, Template], aws: Calls, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(commands.add("python")))
    client("ecr").create_repository(repositoryName=RELEASE["REPOSITORY"])
    aws.calls.clear()
    release_image.run(RELEASE)
    fetch, make, login, tag, push = commands.noted
    folder = fetch.split()[-1]
    assert fetch == (
        f"python -m hindcast.releases.fetch s3://releases/models risk-0123456789ab {folder}"
    )
    assert make == (
        "make images BUILDER=docker PREFIX=hindcast- VERSION=risk-0123456789ab "
        f"FUNCTIONS=predict RELEASE={folder}/risk-0123456789ab"
    )
    remote = f"{REGISTRY}/hindcast-staging-predict-credit_risk:risk-0123456789ab"
    assert login.endswith(REGISTRY)
    assert tag == f"docker tag hindcast-predict:risk-0123456789ab {remote}"
    assert push == f"docker push --quiet {remote}"
    made = [
        *aws.calls,
        *(("ecr", action, {"repositoryName": RELEASE["REPOSITORY"]}) for action in PUSH),
    ]
    made += [
        ("s3", "GetObject", {"Bucket": STAGING.bucket("releases", ACCOUNT), "Key": key})
        for key in ("models/credit_risk-0123456789ab/manifest.json", "artifacts/1/source.zip")
    ]
    role = "ReleaseImagecreditriskStep"
    assert refused(stacks["hindcast-staging-models"], role, made) == []


def test_a_release_that_is_not_there_gets_no_image(
    aws: Calls, commands: Commands, tmp_path: Path
) -> None:
    given = Variables({**RELEASE.given, "RELEASES": str(tmp_path / "none")})
    client("ecr").create_repository(repositoryName=RELEASE["REPOSITORY"])
    with pytest.raises(DeliveryError, match=r"hindcast.releases.fetch .* failed with exit code"):
        release_image.run(given)
    assert commands.noted == []
