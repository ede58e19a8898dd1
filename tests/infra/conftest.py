"""One synthesis for all tests of the run: importing the CDK and synthesizing take many seconds."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.plan import templates
from tests.infra.deployments import TESTED

Template = dict[str, Any]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of templates; raises when cdk-nag finds what nobody acknowledged."""
    from infra.app import build

    folder = tmp_path_factory.mktemp("cdk.out")
    build(folder, [TESTED]).synth()
    return folder


@pytest.fixture(scope="session")
def stacks(assembly: Path) -> dict[str, Template]:
    """Every template by its stack."""
    return templates(assembly)


@pytest.fixture(scope="session")
def findings(assembly: Path) -> dict[str, Any]:
    """What the checks of the synthesis reported."""
    report: dict[str, Any] = json.loads((assembly / "validation-report.json").read_text())
    return report
