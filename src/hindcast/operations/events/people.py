"""What people are told by e-mail: the events that wait for somebody's decision, in words."""

from collections.abc import Sequence

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
    lines = [f"{name}: {value}" for name, value in data.items() if name != "model"]
    return f"Hindcast: model {event.subject} drifts", "\n".join(lines)
