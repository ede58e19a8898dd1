"""Tell people what only a person can decide: by SNS where a topic is set, else on stderr."""

import json
import sys
from collections.abc import Sequence

from hindcast.settings import Settings
from hindcast.stores import aws


def refused(settings: Settings, release: str, failures: Sequence[str]) -> None:
    """A release failed its gate, and waits for a person's decision."""
    _send(
        settings,
        f"Hindcast: release {release} was refused",
        {
            "release": release,
            "failures": list(failures),
            "decide": f"hindcast promote {release} --force --reason TEXT, or train another",
        },
    )


def rolled_out(settings: Settings, release: str, outcome: str, why: str | None) -> None:
    """How the canary of a release ended."""
    document: dict[str, object] = {"release": release, "outcome": outcome, "why": why}
    _send(settings, f"Hindcast: roll-out {outcome} {release}", document)


def _send(settings: Settings, subject: str, document: dict[str, object]) -> None:
    topic, message = settings.topic_arn, json.dumps(document)
    if topic is None:
        sys.stderr.write(f"{subject}: {message}\n")
        return
    # What happened is in the ledger; whoever reads the line of a failure knows of it.
    with aws.one_error(f"{subject}: {message}; topic {topic} could not be told"):
        client = aws.client("sns", aws.region_of(topic))
        # SNS takes subjects of up to 100 characters.
        client.publish(TopicArn=topic, Subject=subject[:100], Message=message)
