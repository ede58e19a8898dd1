"""A version is built once, and is where every deployment's templates look for it."""

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infra import config
from infra.config import FUNCTIONS, PRODUCTION, STAGING, Deployment
from infra.delivery import artifacts, build, images, release_image
from infra.delivery.step import ROOT, DeliveryError, Variables
from infra.project import EXAMPLE, Project
from tests.infra.delivery.conftest import VERSION, Calls, Commands, client
from tests.infra.delivery.permissions import ACCOUNT, REGION, refused
from tests.infra.deployments import DELIVERY_STACK, MODELS
from tests.infra.resources import Template, properties, text

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
DEPLOYMENTS = (STAGING, PRODUCTION)
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
def places(aws: Calls) -> Calls:
    """The repositories and buckets of every deployment."""
    for deployment in DEPLOYMENTS:
        repositories(deployment)
        client("s3").create_bucket(
            Bucket=deployment.bucket("releases", ACCOUNT),
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
    aws.calls.clear()
    return aws


def repositories(deployment: Deployment) -> None:
    for name, _ in deployment.repositories:
        client("ecr").create_repository(repositoryName=deployment.named(name))


@pytest.fixture
def python(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Python builds our wheel as ever, and downloads none."""
    path = commands.add("python")
    path.write_text(
        path.read_text() + f'case "$2" in pip) ;; *) exec {sys.executable} "$@" ;; esac\n'
    )
    monkeypatch.setattr(sys, "executable", str(path))
    return commands


def hold(repository: str, tag: str) -> None:
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {}, "layers": []}
    client("ecr").put_image(
        repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag
    )


def test_everything_is_built_once_and_published_everywhere(
    stacks: dict[str, Template], places: Calls, python: Commands
) -> None:
    build.run(GIVEN)
    noted = [line for line in python.noted if line.split()[0] in ("make", "docker")]
    assert noted[:2] == [
        "make synth",
        f"make images BUILDER=docker PREFIX=hindcast- VERSION={VERSION}",
    ]
    pushed = [line.split()[-1] for line in noted if line.startswith("docker push")]
    assert pushed == [
        f"{REGISTRY}/hindcast-{deployment.name}-{name}:{VERSION}"
        for deployment in DEPLOYMENTS
        for name, _ in deployment.repositories
    ]
    assert (
        f"docker tag hindcast-train:{VERSION} {REGISTRY}/hindcast-staging-train:{VERSION}" in noted
    )
    assert f"docker login --username AWS --password-stdin {REGISTRY}" in noted
    assert (python.folder / "input").read_text() == f"{ACCOUNT}-auth-token" * 2
    made = [
        *places.calls,
        *(("ecr", action, {"repositoryName": STAGING.named("train")}) for action in PUSH),
    ]
    assert refused(stacks[DELIVERY_STACK], "Pipelinebuild", made) == []


def test_deployments_with_other_definitions_get_other_images(
    places: Calls, python: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(PRODUCTION, project=EXAMPLE)
    monkeypatch.setattr(config, "DELIVERY", replace(config.DELIVERY, production=(own,)))
    build.run(GIVEN)
    noted = [line for line in python.noted if line.startswith(("make images", "docker push"))]
    images_made = f"make images BUILDER=docker PREFIX=hindcast- VERSION={VERSION}"
    count = len(STAGING.repositories)
    assert noted[0] == images_made
    assert noted[1 + count] == f"{images_made} PROJECT=examples/credit_risk"
    assert all("/hindcast-staging-" in line for line in noted[1 : 1 + count])
    assert all("/hindcast-production-" in line for line in noted[2 + count :])
    assert "definitions.py" not in published(STAGING)
    assert published(PRODUCTION) == published(STAGING) | {"definitions.py"}


def published(deployment: Deployment) -> set[str]:
    """The names of a deployment's artifacts."""
    bucket = deployment.bucket("releases", ACCOUNT)
    found = client("s3").list_objects_v2(Bucket=bucket, Prefix=f"artifacts/{VERSION}/")
    return {one["Key"].rpartition("/")[2] for one in found["Contents"]}


def test_a_project_without_definitions_builds_nothing(
    aws: Calls, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(PRODUCTION, project=replace(EXAMPLE, folder="projects/none"))
    monkeypatch.setattr(config, "DELIVERY", replace(config.DELIVERY, production=(own,)))
    with pytest.raises(DeliveryError, match=r"production: there is no projects/none/definitions"):
        build.run(GIVEN)
    assert commands.noted == []


def test_artifacts_are_where_the_templates_look(
    stacks: dict[str, Template], places: Calls, python: Commands
) -> None:
    build.run(GIVEN)
    bucket = STAGING.bucket("releases", ACCOUNT)
    found = client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    keys = {f"s3://{bucket}/{one['Key']}" for one in found}
    asked = json.dumps([*properties(stacks["hindcast-staging-features"], "AWS::Glue::Job")])
    jobs = properties(stacks["hindcast-staging-features"], "AWS::Glue::Job")
    project, *_ = properties(stacks["hindcast-staging-models"], "AWS::CodeBuild::Project")
    wanted = [
        *(job["Command"]["ScriptLocation"] for job in jobs),
        jobs[0]["DefaultArguments"]["--additional-python-modules"],
        project["Source"]["Location"],
    ]
    assert {_place(one) for one in wanted} == keys, asked


def _place(value: object) -> str:
    told = {"<AWS::AccountId>": ACCOUNT, "<AWS::Partition>": "aws", "<ApplicationVersion>": VERSION}
    place = text(value)
    for name, known in told.items():
        place = place.replace(name, known)
    return "s3://" + place.removeprefix("s3://").removeprefix("arn:aws:s3:::")


def test_a_build_that_is_tried_again_pushes_only_what_is_missing(
    places: Calls, commands: Commands
) -> None:
    (lacking, _), *others = STAGING.repositories
    for name, _ in others:
        hold(STAGING.named(name), VERSION)
    hold(STAGING.named(lacking), "another")
    images.publish(STAGING, VERSION)
    images.publish(PRODUCTION, VERSION)
    pushed = [line.split()[-1] for line in commands.noted if line.startswith("docker push")]
    assert pushed[0] == f"{REGISTRY}/{STAGING.named(lacking)}:{VERSION}"
    assert len(pushed) == 1 + len(PRODUCTION.repositories)


def test_every_model_gets_the_one_predict_image(aws: Calls, commands: Commands) -> None:
    two = Project("projects/two", ("loans",), ("history",), models=MODELS)
    deployment = replace(STAGING, name="two", project=two)
    repositories(deployment)
    images.publish(deployment, VERSION)
    tagged = [line.split()[2:] for line in commands.noted if line.startswith("docker tag")]
    assert tagged[:2] == [
        [f"hindcast-predict:{VERSION}", f"{REGISTRY}/hindcast-two-predict-{model}:{VERSION}"]
        for model in MODELS
    ]
    assert len(tagged) == len(FUNCTIONS) + 1


def test_a_deployment_without_repositories_is_told_what_to_do(
    aws: Calls, commands: Commands
) -> None:
    with pytest.raises(DeliveryError, match="no repository hindcast-staging-predict-credit_risk"):
        images.publish(STAGING, VERSION)
    assert commands.noted == []


def test_an_image_that_cannot_be_pushed_fails_the_build(places: Calls, commands: Commands) -> None:
    commands.fail("docker")
    with pytest.raises(
        DeliveryError, match=r"`docker login --username AWS .* failed with exit code 1"
    ):
        images.publish(STAGING, VERSION)


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
    with pytest.raises(DeliveryError, match=r"hindcast.releases.fetch .* failed with exit code"):
        release_image.run(given)
    assert commands.noted == []
