"""What others say of the templates: cdk-nag, cfn-lint, the CDK's own validation."""

from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from tests.infra.deployments import DELIVERY_STACK, STACKS
from tests.infra.resources import Template, reasons


def test_synthesis_refuses_what_cdk_nag_finds(tmp_path: Path) -> None:
    # The fixture's synthesis passed the same check; this says that passing means something.
    import aws_cdk as cdk
    from aws_cdk import aws_s3 as s3

    from infra.app import check

    bad = cdk.App(outdir=str(tmp_path))
    s3.Bucket(cdk.Stack(bad, "Bad"), "Open")
    check(bad)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        bad.synth()
    assert "AwsSolutions-S10" in (tmp_path / "validation-report.json").read_text()


def test_every_acknowledgement_has_a_reason(stacks: dict[str, Template]) -> None:
    for template in stacks.values():
        for resource in template["Resources"].values():
            assert all(len(reason) > 15 for reason in reasons(resource).values())


def test_the_cdks_own_validation_finds_nothing(findings: dict[str, Any]) -> None:
    for report in findings["pluginReports"]:
        assert report["violations"] == []


@pytest.mark.parametrize("stack", [*STACKS[:8], "hindcast-production-us-data", DELIVERY_STACK])
def test_cfn_lint_finds_no_error(assembly: Path, stack: str) -> None:
    path = assembly / f"{stack}.template.json"
    found = lint_file(path, config=ManualArgs(regions=["eu-west-1"]))
    assert [str(match) for match in found if match.rule.severity == "error"] == []
