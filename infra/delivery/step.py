"""What steps share: their variables, AWS, the command line, and the one error."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from infra import config
from infra.config import Deployment

ROOT = Path(__file__).parents[2]


class DeliveryError(RuntimeError):
    """Raised when a step cannot be done: one line with the reason, and what to do."""


@dataclass(frozen=True)
class Variables:
    """The environment of a build, as infra/constructs/pipeline.py gives it."""

    given: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """A variable that must be set; raises DeliveryError naming it."""
        value = self.given.get(name)
        if not value:
            raise DeliveryError(f"the variable {name} is not set")
        return value

    @property
    def deployment(self) -> Deployment:
        """The deployment that DEPLOYMENT names; raises DeliveryError for an unknown one."""
        return _declared(self["DEPLOYMENT"])

    @property
    def deployments(self) -> list[Deployment]:
        """Those that DEPLOYMENTS names, with commas between; raises as `deployment` does."""
        return [_declared(name) for name in self["DEPLOYMENTS"].split(",")]


def _declared(name: str) -> Deployment:
    delivery = config.DELIVERY
    found = {one.name: one for one in (*delivery.deployments, *delivery.standbys)}
    if name not in found:
        raise DeliveryError(
            f"infra/config.py has no deployment '{name}', only "
            f"{', '.join(one.name for one in delivery.deployments)}; deploy the pipeline's own "
            "stack when they change"
        )
    return found[name]


def client(service: str, region: str, settings: Config | None = None) -> Any:
    """A client of a service in a region, in the deployment's account."""
    return session().client(service, region_name=region, config=settings)


def own_client(service: str, region: str) -> Any:
    """A client in the pipeline's account, where the build's images are."""
    return boto3.client(service, region_name=region)


def session() -> boto3.Session:
    """A session in the role that the variable ROLE names; by hand, without it, one's own."""
    role = os.environ.get("ROLE")
    return _assumed(role) if role else boto3.Session()


@cache
def _assumed(role: str) -> boto3.Session:
    """Credentials that renew themselves: a role taken by a role holds for an hour."""
    found = botocore.session.get_session()
    found.get_component("credential_provider").insert_before("env", _Role(role))
    return boto3.Session(botocore_session=found)


class _Role:
    """What botocore asks for credentials, before it looks anywhere else."""

    METHOD = CANONICAL_NAME = "deployment-role"

    def __init__(self, role: str) -> None:
        self._role = role

    def load(self) -> DeferredRefreshableCredentials:
        """Credentials of the role, taken with one's own."""
        own = botocore.session.get_session()
        fetcher = AssumeRoleCredentialFetcher(
            own.create_client,
            own.get_credentials(),
            self._role,
            extra_args={"RoleSessionName": "hindcast-delivery"},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)


def account(region: str) -> str:
    """The number of the account that the step works in."""
    number: str = client("sts", region).get_caller_identity()["Account"]
    return number


def say(line: str) -> None:
    """Tell the build's log at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def command(
    words: Sequence[str], given: str | None = None, more: Mapping[str, str] | None = None
) -> None:
    """Run a command at the repository's root; raises DeliveryError when it fails.

    given: its standard input. more: what it needs in its environment besides ours.
    """
    sys.stdout.flush()
    environment = {**os.environ, **(more or {})}
    try:
        done = subprocess.run(
            list(words), cwd=ROOT, input=given, text=True, check=False, env=environment
        )
    except FileNotFoundError as error:
        raise DeliveryError(f"there is no command {words[0]}") from error
    if done.returncode:
        short = " ".join(Path(word).name for word in words[:5])
        raise DeliveryError(f"`{short} ...` failed with exit code {done.returncode}")
