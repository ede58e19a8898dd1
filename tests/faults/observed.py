"""What lies in a home, read past Hindcast where that is possible, and what Hindcast says of it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from hindcast import bootstrap, names
from hindcast.audit.replay import replay
from hindcast.models import register
from hindcast.operations import verification
from tests.faults import project
from tests.faults.project import Event
from tests.faults.world import World

EVERY = 1_000_000


@dataclass(frozen=True)
class Observed:
    """A home at rest."""

    raw: Mapping[str, Mapping[datetime, Counter[Event]]]
    quarantine: Mapping[str, Counter[int]]
    predictions: Counter[str]
    torn: Mapping[str, int]
    damage: tuple[str, ...]
    replayed: Mapping[str, Any]
    champions: tuple[str, ...]
    in_production: tuple[str, ...]
    releases: tuple[str, ...]
    materializations: Mapping[str, datetime]
    lines: Mapping[str, Mapping[str, Any]]


def observe(world: World) -> Observed:
    """Look at all of it."""
    found = world.look(_found)
    raw: dict[str, dict[datetime, Counter[Event]]] = {}
    for file, recorded, id_, at, *numbers in found["raw"]:
        event = Event(id_, datetime.fromisoformat(at), *numbers)
        instant = datetime.fromisoformat(recorded)
        raw.setdefault(file, {}).setdefault(instant, Counter())[event] += 1
    quarantine: dict[str, Counter[int]] = {}
    for file, line in found["quarantine"]:
        quarantine.setdefault(file, Counter())[line] += 1
    promoted = world.sql("SELECT release FROM ledger.promotions ORDER BY number")
    released = world.sql("SELECT release FROM ledger.releases ORDER BY version")
    made = world.sql(
        "SELECT id, parameters->>'known_by' FROM ledger.runs WHERE kind = 'materialize'"
    )
    return Observed(
        raw,
        quarantine,
        Counter(found["predictions"]),
        Counter(Path(name).name for (name,) in found["torn"]),
        tuple(found["damage"]),
        found["replayed"],
        tuple(release for (release,) in promoted),
        tuple(found["in_production"]),
        tuple(release for (release,) in released),
        {run: datetime.fromisoformat(known_by) for run, known_by in made},
        lines(world.log),
    )


def lines(log: Path) -> dict[str, Mapping[str, Any]]:
    """The whole lines of answers in the service's log, by their predictions' ids."""
    found: dict[str, Mapping[str, Any]] = {}
    for text in log.read_bytes().splitlines() if log.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if line.get("message") == names.PREDICTION_MESSAGE:
            found[line["prediction_id"]] = line
    return found


def torn(log: Path) -> int:
    """How many lines of answers are no JSON, but can be told from others all the same."""
    texts = log.read_bytes().splitlines()
    return sum(b'"prediction_id"' in text and not _is_json(text) for text in texts)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _found() -> dict[str, Any]:
    """In a process of its own: the lake by delta-rs alone, the rest by Hindcast."""
    application = bootstrap.application()
    lake = application.settings.lake
    raw = (names.FILE, names.RECORDED_AT, "id", "at", "order_id", "amount", "late")
    damage = verification.verify(application).damage
    records = application.ledger.releases(project.MODEL)
    states = {each.release: register.state(application, each) for each in records}
    champions = {name for name, state in states.items() if state == "champion"}
    champions.add(application.champion(project.MODEL).release)
    return {
        "in_production": sorted(champions),
        "raw": _rows(f"{lake}/raw/{project.SOURCE}", *raw),
        "quarantine": _rows(f"{lake}/quarantine/{project.SOURCE}", "file", "line"),
        "predictions": [name for (name,) in _rows(f"{lake}/predictions", "prediction_id")],
        "torn": _rows(f"{lake}/quarantine/predictions", "file"),
        "damage": [f"{each.part}: {each.what}" for each in damage],
        "replayed": asdict(replay.skew(application, EVERY, None)),
    }


def _rows(table: str, *columns: str) -> list[list[Any]]:
    if not DeltaTable.is_deltatable(table):
        return []
    found = DeltaTable(table).to_pyarrow_table(columns=list(columns))
    rows = zip(*(found[name].to_pylist() for name in columns), strict=True)
    return [[_plain(value) for value in row] for row in rows]


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
