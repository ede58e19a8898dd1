"""What deploying would change: today's templates beside those that were synthesized last.

The CDK's own diff comes from npm and asks AWS; this needs neither credentials nor network. What
CloudFormation can only change by a new resource, whose data are new too, is told by its schemas,
which cfn-lint carries.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SECTIONS = ("Parameters", "Conditions", "Resources", "Outputs")
ABSENT = object()
SCHEMAS_OF = "us-east-1"  # The region that has every type.


def main(argv: list[str]) -> int:
    """Compare a folder of templates (default cdk.out) with what the app gives now."""
    before = Path(argv[0] if argv else "cdk.out")
    if not list(before.glob("*.template.json")):
        sys.stderr.write(f"{before}: no templates to compare with; run: make synth\n")
        return 2
    # Only here: the comparison itself needs no CDK.
    from infra import app, config

    with tempfile.TemporaryDirectory() as folder:
        app.build(Path(folder), [config.DELIVERY]).synth()
        for line in plan(templates(before), templates(Path(folder))):
            sys.stdout.write(line + "\n")
    return 0


def templates(folder: Path) -> dict[str, Any]:
    """Every template of a folder, by its stack."""
    suffix = ".template.json"
    return {
        path.name.removesuffix(suffix): json.loads(path.read_text())
        for path in sorted(folder.glob(f"*{suffix}"))
    }


def plan(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """A line for each change, stack by stack; one line says so where nothing changes."""
    changed = False
    for stack in sorted(before.keys() | after.keys()):
        lines = list(changes(before.get(stack, {}), after.get(stack, {})))
        if lines:
            changed = True
            yield f"Stack {stack}"
            yield from (f"  {line}" for line in lines)
    if not changed:
        yield "No changes"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """What is new (+), gone (-) or different (~) in one template."""
    for section in SECTIONS:
        old, new = before.get(section, {}), after.get(section, {})
        for name in sorted(old.keys() | new.keys()):
            if name not in old:
                yield f"+ {_title(section, name, new[name])}"
            elif name not in new:
                yield f"- {_title(section, name, old[name])}{_fate(old[name])}"
            elif old[name] != new[name]:
                yield f"~ {_title(section, name, new[name])}{_replacement(old[name], new[name])}"
                yield from (f"    {line}" for line in _differences(old[name], new[name], ""))


def _title(section: str, name: str, item: Any) -> str:
    kind = item.get("Type", "") if section == "Resources" else section[:-1]
    return f"{kind} {name}"


def _fate(item: Any) -> str:
    policy = str(item.get("DeletionPolicy")) if isinstance(item, dict) else ""
    return {"Retain": " (what it stores stays)", "Snapshot": " (leaves a snapshot)"}.get(policy, "")


def _replacement(old: Any, new: Any) -> str:
    """Whether a changed resource makes way for a new one, and for which properties."""
    if not (isinstance(old, dict) and isinstance(new, dict) and "Properties" in {**old, **new}):
        return ""
    if old["Type"] != new["Type"]:
        return f" (replaces a {old['Type']})"
    before, after = old.get("Properties", {}), new.get("Properties", {})
    changed = [name for name in _fixed(new["Type"]) if before.get(name) != after.get(name)]
    return f" (replaced by a new one, for its {', '.join(changed)})" if changed else ""


def _fixed(kind: str) -> list[str]:
    """The properties of a resource type that are given once and for all."""
    from cfnlint.schema import ResourceNotFoundError
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(SCHEMAS_OF, kind).schema
    except ResourceNotFoundError:  # A custom one, whose provider decides.
        return []
    prefix = "/properties/"
    paths = (path.removeprefix(prefix) for path in schema.get("createOnlyProperties", []))
    return sorted({path.split("/")[0] for path in paths})


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else key
            yield from _differences(old.get(key, ABSENT), new.get(key, ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif old != new:
        yield f"{path}: {_text(old)} -> {_text(new)}"


def _text(value: Any) -> str:
    return "nothing" if value is ABSENT else json.dumps(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
