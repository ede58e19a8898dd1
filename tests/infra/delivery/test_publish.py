"""What was built is copied to a deployment: images by their digests, files once."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from infra import base_image
from infra.config import DELIVERY, FUNCTIONS, PRODUCTION, STAGING
from infra.delivery import built, publish
from infra.delivery.step import DeliveryError, Variables
from tests.infra.delivery.conftest import VERSION, Calls, client
from tests.infra.delivery.permissions import ACCOUNT, refused
from tests.infra.deployments import ACCESS_STACK, DELIVERY_STACK
from tests.infra.resources import Template, properties, text
from tests.orchestration.aws import refusal

BUCKET = STAGING.bucket("releases", ACCOUNT)
PART = 4  # The least that shows where parts begin and end.


def named(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Registry:
    """ECR by content: moto has no layers, and digests that are not those of manifests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.held, self.open = folder, dict[tuple[str, str], bytes](), list[bytes]()
        self.tags = dict[tuple[str, str], str]()

    @property
    def fakes(self) -> dict[tuple[str, str], Any]:
        answers = {
            "BatchCheckLayerAvailability": self.check,
            "InitiateLayerUpload": self.begin,
            "UploadLayerPart": self.part,
            "CompleteLayerUpload": self.complete,
            "GetDownloadUrlForLayer": self.url,
            "DescribeImages": self.describe,
            "BatchGetImage": self.get,
            "PutImage": self.put,
        }
        return {("ecr", name): answer for name, answer in answers.items()}

    def check(self, given: dict[str, Any]) -> Any:
        there = (given["repositoryName"], *given["layerDigests"]) in self.held
        return {"layers": [{"layerAvailability": "AVAILABLE" if there else "UNAVAILABLE"}]}

    def begin(self, given: dict[str, Any]) -> Any:
        self.open.append(b"")
        return {"uploadId": str(len(self.open) - 1), "partSize": PART}

    def part(self, given: dict[str, Any]) -> None:
        number, part = int(given["uploadId"]), given["layerPartBlob"]
        assert given["partFirstByte"] == len(self.open[number])
        self.open[number] += part
        assert given["partLastByte"] == len(self.open[number]) - 1

    def complete(self, given: dict[str, Any]) -> None:
        content, [digest] = self.open[int(given["uploadId"])], given["layerDigests"]
        assert named(content) == digest
        self.held[given["repositoryName"], digest] = content

    def url(self, given: dict[str, Any]) -> Any:
        path = self.folder / given["layerDigest"]
        path.write_bytes(self.held[given["repositoryName"], given["layerDigest"]])
        return {"downloadUrl": path.as_uri()}

    def describe(self, given: dict[str, Any]) -> Any:
        [asked] = given["imageIds"]
        found = self.tags.get((given["repositoryName"], asked["imageTag"]))
        if found is None:
            raise refusal("ImageNotFoundException", "not there", "DescribeImages")
        return {"imageDetails": [{"imageDigest": found}]}

    def get(self, given: dict[str, Any]) -> Any:
        [asked] = given["imageIds"]
        manifest = self.held.get((given["repositoryName"], asked["imageDigest"]))
        return {"images": [{"imageManifest": manifest.decode()}] if manifest else []}

    def put(self, given: dict[str, Any]) -> None:
        manifest, there = given["imageManifest"].encode(), given["repositoryName"]
        assert named(manifest) == given["imageDigest"]
        document = json.loads(manifest)
        for part in (document["config"], *document["layers"]):
            assert (there, part["digest"]) in self.held
        self.held[there, given["imageDigest"]] = manifest
        self.tags[there, given["imageTag"]] = given["imageDigest"]

    def image(self, image: str) -> str:
        """An image of a config and a layer in the pipeline's repository; its digest."""
        there, parts = DELIVERY.built(image), (b"{}", f"layer of {image}".encode())
        self.held |= {(there, named(part)): part for part in parts}
        given = [{"digest": named(part), "size": len(part)} for part in parts]
        kind = "application/vnd.oci.image.manifest.v1+json"
        document = {"schemaVersion": 2, "mediaType": kind, "config": given[0], "layers": given[1:]}
        manifest = json.dumps(document).encode()
        self.held[there, named(manifest)] = manifest
        return named(manifest)


@pytest.fixture
def registry(aws: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A version that is built, and a deployment that has nothing of it."""
    for name, path in (("FOLDER", ""), ("FILES", "files"), ("DIGESTS", "images.json")):
        monkeypatch.setattr(built, name, tmp_path / path)
    found = Registry(tmp_path)
    aws.fakes.update(found.fakes)
    digests = {image: found.image(image) for image in FUNCTIONS}
    built.write(VERSION, {VERSION: digests})
    built.FILES.mkdir()
    for name in ("refresh_features.py", "batch_predict.py", "source.zip"):
        (built.FILES / name).write_text(f"{name} of {VERSION}")
    (built.FILES / "hindcast.gluewheels.zip").touch()
    region = {"LocationConstraint": STAGING.region}
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
    aws.calls.clear()
    return found


def test_each_repository_gets_the_same_image_by_its_digest(
    stacks: dict[str, Template], aws: Calls, registry: Registry, variables: Variables
) -> None:
    publish.run(variables)
    wanted = built.digests(VERSION, STAGING)
    for name, image in STAGING.repositories:
        there = STAGING.named(name)
        assert registry.tags[there, VERSION] == wanted[image]
        assert registry.held[there, named(f"layer of {image}".encode())]
    mine = [one for one in aws.calls if "-built-" in one[2].get("repositoryName", "")]
    theirs = [one for one in aws.calls if one not in mine]
    assert refused(stacks[DELIVERY_STACK], "Pipelinepublishstaging", mine) == []
    assert refused(stacks[ACCESS_STACK], "Deliverypublish", theirs) == []


def test_files_are_where_the_templates_look(
    stacks: dict[str, Template], registry: Registry, variables: Variables
) -> None:
    publish.run(variables)
    found = client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    jobs = properties(stacks["hindcast-staging-features"], "AWS::Glue::Job")
    project, *_ = properties(stacks["hindcast-staging-models"], "AWS::CodeBuild::Project")
    wanted = [
        *(job["Command"]["ScriptLocation"] for job in jobs),
        jobs[0]["DefaultArguments"]["--additional-python-modules"],
        project["Source"]["Location"],
    ]
    assert {place(one) for one in wanted} == {f"s3://{BUCKET}/{one['Key']}" for one in found}


def place(value: object) -> str:
    told = {"<AWS::AccountId>": ACCOUNT, "<AWS::Partition>": "aws", "<ApplicationVersion>": VERSION}
    found = text(value)
    for name, known in told.items():
        found = found.replace(name, known)
    return "s3://" + found.removeprefix("s3://").removeprefix("arn:aws:s3:::")


def test_what_is_tried_again_copies_only_what_is_missing(
    aws: Calls, registry: Registry, variables: Variables
) -> None:
    publish.run(variables)
    aws.calls.clear()
    publish.run(variables)
    assert aws.made("ecr", "PutImage") == []
    assert len(aws.made("s3", "PutObject")) == 4


def test_a_version_is_written_once(aws: Calls, registry: Registry, variables: Variables) -> None:
    publish.run(variables)
    source = built.FILES / "source.zip"
    source.write_text("another content under the same version")
    with pytest.raises(DeliveryError, match=r"source.zip is there with other content"):
        publish.run(variables)
    held = client("s3").get_object(Bucket=BUCKET, Key=f"artifacts/{VERSION}/source.zip")
    assert held["Body"].read() == f"source.zip of {VERSION}".encode()
    digests = dict(built.digests(VERSION, STAGING))
    built.write(VERSION, {VERSION: digests | {"train": digests["drift"]}})
    with pytest.raises(DeliveryError, match="hindcast-staging-train:0123abcd is there as sha256:"):
        publish.run(variables)


def test_an_image_that_is_not_what_its_digest_names_is_refused(
    aws: Calls, registry: Registry, variables: Variables
) -> None:
    other = {"images": [{"imageManifest": json.dumps({"layers": []})}]}
    aws.fakes["ecr", "BatchGetImage"] = lambda given: other
    with pytest.raises(DeliveryError, match="the manifest is not what its digest names"):
        publish.run(variables)
    assert aws.made("ecr", "PutImage") == []


def test_what_was_not_built_here_is_said_so(registry: Registry) -> None:
    other = Variables({"DEPLOYMENT": STAGING.name, "VERSION": "ffff"})
    with pytest.raises(DeliveryError, match="what is built here is 0123abcd, not ffff: build"):
        publish.run(other)
    built.DIGESTS.unlink()
    with pytest.raises(DeliveryError, match="nothing is built here: run the step build first"):
        publish.run(other)


def test_releases_refuses_to_replace_what_a_version_wrote(stacks: dict[str, Template]) -> None:
    policies = properties(stacks["hindcast-staging-data"], "AWS::S3::BucketPolicy")
    [denied] = [
        one
        for policy in policies
        for one in policy["PolicyDocument"]["Statement"]
        if "s3:if-none-match" in str(one)
    ]
    assert (denied["Effect"], denied["Action"]) == ("Deny", "s3:PutObject")
    assert text(denied["Resource"]).endswith("/artifacts/*")
    assert denied["Condition"]["Null"] == {"s3:if-none-match": "true"}


def test_production_runs_nothing_that_was_built_on_a_mere_tag(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "base.json"
    lock.write_text(json.dumps({"repository": "r", "tag": "3", "digest": None}))
    monkeypatch.setattr(base_image, "LOCK", lock)
    with pytest.raises(DeliveryError, match="production: its images are built on whatever r:3 was"):
        publish.require_locked_base(PRODUCTION)
    publish.require_locked_base(STAGING)
    lock.write_text(json.dumps({"repository": "r", "tag": "3", "digest": named(b"")}))
    publish.require_locked_base(PRODUCTION)
