"""AWS's clients and what their failures mean; boto3 is imported where one is asked for."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hindcast.errors import InputError, StoreUnavailableError, first_line

_CHUNK = 1024 * 1024
# What a reader of an object can do about S3's answer.
_UNREADABLE = {
    "NoSuchBucket": "no such bucket",
    "NoSuchKey": "no such object",
    "AccessDenied": "not there, or not allowed; it takes s3:GetObject, and kms:Decrypt of its key",
}


def client(service: str, region: str | None = None) -> Any:
    """boto3's client of a service, in a region or that of the environment."""
    import boto3

    # Of itself boto3 reads AWS_DEFAULT_REGION only, and jobs have but AWS_REGION.
    return boto3.client(service, region_name=region or os.environ.get("AWS_REGION") or None)


def region_of(arn: str) -> str | None:
    """The region that an ARN names; None for what is no ARN."""
    parts = arn.split(":")
    return parts[3] or None if parts[0] == "arn" and len(parts) > 3 else None


@contextmanager
def one_error(what: str) -> Iterator[None]:
    """Failures of boto3 as one error of one line, which begins with what was asked for.

    Raises InputError for what AWS refuses, StoreUnavailableError where it does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except BotoCoreError as error:
        raise StoreUnavailableError(f"{what}: {first_line(error)}") from error
    except ClientError as error:
        refused = error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
        kind = InputError if refused else StoreUnavailableError
        raise kind(f"{what}: {first_line(error)}") from error


def listed(uri: str) -> list[str]:
    """The addresses, in order, of the objects that begin with s3://bucket/prefix.

    Raises InputError where they may not be listed, StoreUnavailableError where S3 does not answer.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise InputError(f"{uri}: names no bucket; write s3://bucket/folder/")
    with one_error(uri):
        pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    return [f"s3://{bucket}/{key}" for key in keys]


def found(ask: Callable[..., Any], bucket: str, key: str) -> Any | None:
    """What a method of S3's client answers about an object; None where there is no such object.

    Raises InputError where it may not be read, StoreUnavailableError where S3 does not answer.
    """
    from botocore.exceptions import ClientError

    with one_error(f"s3://{bucket}/{key}"):
        try:
            return ask(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise


def download(uri: str, path: Path, version: str | None = None) -> None:
    """Write an object, s3://bucket/key, to a file; one of its versions where one is given.

    Raises InputError for one that is not there or may not be read, StoreUnavailableError where S3
    does not answer.
    """
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not (bucket and key):
        raise InputError(f"{uri}: names no object; write s3://bucket/key")
    asked = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    with one_error(uri):
        try:
            body = client("s3").get_object(**asked)["Body"]
            with path.open("wb") as stream:
                shutil.copyfileobj(body, stream, _CHUNK)
        except ClientError as error:
            answer = _UNREADABLE.get(error.response["Error"]["Code"])
            if answer is None:
                raise
            raise InputError(f"{uri}: {answer}") from error


def etag(uri: str) -> str:
    """What S3 tells an object's content by; raises as download does."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    with one_error(uri):
        return str(client("s3").head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')


def upload(path: Path, uri: str) -> None:
    """Write a file to an object, s3://bucket/key, which appears when it is whole.

    Raises InputError where it may not be written, StoreUnavailableError where S3 does not answer.
    """
    from boto3.exceptions import S3UploadFailedError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        with one_error(uri):
            client("s3").upload_file(str(path), bucket, key)
    except S3UploadFailedError as error:
        raise InputError(f"{uri}: {first_line(error)}") from error
