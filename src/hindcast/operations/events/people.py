"""What people are told by e-mail: the events that wait for somebody's decision, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from hindcast.stores.ledger import Event, EventType

# Runs that failed are told of by the state machines and the alarms themselves.
TYPES: Sequence[EventType] = ("GateRefused", "RolledBack", "DriftDetected")


def letter(event: Event) -> tuple[str, str]:
    """The subject and the text for an event of one of these types."""
    data = event.data
    if event.type == "GateRefused":
        release = data["release"]
        lines = [
            *data["failures"],
            f"decide: hindcast promote {release} --force --reason TEXT, or train another",
        ]
        return f"Hindcast: release {release} was refused", "\n".join(lines)
    if event.type == "RolledBack":
        subject = f"Hindcast: model {event.subject} is back to release {data['release']}"
        return subject, f"by {data['by']}, from release {data['replaces']}; see: hindcast releases"
    lines = [_moved(finding) for finding in data["findings"]]
    lines.append(f"with plots: {data.get('page', 'see the run ' + data['run'])}")
    return f"Hindcast: model {event.subject} drifts", "\n".join(lines)


def _moved(finding: Mapping[str, Any]) -> str:
    where = f" in {finding['slice']}" if finding.get("slice") else ""
    since = f", since {finding['since']}" if finding.get("since") else ""
    return (
        f"{finding['kind']} {finding['name']}{where}: {finding['statistic']} {finding['value']}"
        f"{since}"
    )
