"""Load a release folder, verified against the digests its name stands for."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hindcast.errors import InputError, ReleaseError

if TYPE_CHECKING:
    import onnxruntime

    from hindcast.serving.plan import ServingPlan

MANIFEST = "manifest.json"
PLAN = "serving_plan.json"
MODEL = "model.onnx"
# Digits of the digest: in an id; in the ids of before, which releases of then keep; for people.
_WHOLE, _OLD, _SHORT = 64, 12, 12
_ID = re.compile(
    rf"(?P<model>[A-Za-z0-9_][A-Za-z0-9_-]{{0,62}})-([0-9a-f]{{{_WHOLE}}}|[0-9a-f]{{{_OLD}}})"
)


@dataclass(frozen=True)
class Release:
    """A verified release: its id, its serving plan and its model, ready to run."""

    id: str
    plan: "ServingPlan"
    manifest: Mapping[str, Any]
    session: "onnxruntime.InferenceSession"


def release_id(manifest: Mapping[str, Any]) -> str:
    """The content address of a release: its model's name and the digest of its manifest."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return f"{manifest['model']}-{hashlib.sha256(canonical.encode()).hexdigest()}"


def model_of(release: object) -> str:
    """The model that a release's id begins with, which makes it safe as the name of a folder.

    Every id that comes from outside goes through here. Raises InputError for what is no id.
    """
    found = _ID.fullmatch(release) if isinstance(release, str) else None
    if found is None:
        raise InputError(
            f"release {release!r}: that is no release's id, which is a model's name and a digest; "
            "hindcast releases lists them"
        )
    return found["model"]


def short(text: str) -> str:
    """An id as people read it, which commands and the API take as well; other text as it is."""
    model, dash, digest = text.rpartition("-")
    return f"{model}{dash}{digest[:_SHORT]}" if _ID.fullmatch(text) else text


def load(folder: Path) -> Release:
    """Verify and open a release folder named after its id.

    Raises ReleaseError naming the file that is missing, changed, unlisted or unreadable.
    """
    manifest, contents = read(folder)
    # Whoever only copies a verified release need not have what a plan is made of.
    from hindcast.serving import plan as plans

    plan = plans.parse(contents[PLAN])
    return Release(folder.resolve().name, plan, manifest, _session(contents[MODEL], plan))


def read(folder: Path) -> tuple[Mapping[str, Any], dict[str, bytes]]:
    """The manifest and every listed file's bytes, verified; raises ReleaseError as load does."""
    folder = folder.resolve()
    manifest = read_manifest(folder)
    return manifest, _verified_files(folder, manifest)


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """The manifest that a folder is named by; raises ReleaseError where it is another's.

    The name of a release of before has but the first digits of the digest, which two manifests can
    share: what is loaded by such a name is held against the ledger's record (releases/recorded.py).
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        identifier = release_id(manifest)
    except OSError as error:
        raise ReleaseError(f"release {folder.name}: {MANIFEST} cannot be read") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(f"release {folder.name}: {MANIFEST} is not a manifest") from error
    old = identifier[: _OLD - _WHOLE]
    if folder.name not in (identifier, old):
        raise ReleaseError(f"release {folder.name}: {MANIFEST} belongs to release {identifier}")
    return manifest


def _verified_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The bytes of every listed file, the ones that were digested and no later version."""
    listed: Mapping[str, str] = manifest.get("files", {})
    for name in (PLAN, MODEL):
        if name not in listed:
            raise ReleaseError(f"release {folder.name}: {MANIFEST} lists no {name}")
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    for name in sorted(found - set(listed) - {MANIFEST}):
        raise ReleaseError(f"release {folder.name}: {name} is not part of the release")
    return {name: _verified(folder, name, digest) for name, digest in listed.items()}


def _verified(folder: Path, name: str, digest: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise ReleaseError(f"release {folder.name}: {name} is missing") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise ReleaseError(f"release {folder.name}: {name} has changed since it was released")
    return content


def open_model(model: bytes) -> "onnxruntime.InferenceSession":
    """A session on a model's bytes, on one thread; raises ReleaseError for what cannot be run."""
    # Whoever only copies a verified release need not have it.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One row at a time: threads would only wait for each other.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except RuntimeError as error:  # Every error of onnxruntime derives from it.
        raise ReleaseError(f"{MODEL} cannot be run: {error}") from error


def _session(model: bytes, plan: "ServingPlan") -> "onnxruntime.InferenceSession":
    """The model's session; raises ReleaseError where it does not take what the plan gives."""
    session = open_model(model)
    widths = {"numeric": plan.width, "categorical": len(plan.categorical)}
    expected = {name: width for name, width in widths.items() if width}
    actual = {node.name: node.shape[-1] for node in session.get_inputs()}
    if actual != expected:
        raise ReleaseError(f"{MODEL} takes {actual}, but {PLAN} gives {expected}")
    _check_output(session, plan)
    return session


def _check_output(session: "onnxruntime.InferenceSession", plan: "ServingPlan") -> None:
    """Raise ReleaseError where the model does not give what the plan's rule reads."""
    rule, outputs = plan.rule, session.get_outputs()
    found = [node.shape for node in outputs if rule.output in (None, node.name)]
    # A width that the model does not declare is found to be wrong when training compares them.
    if not found or (
        len(found[0]) == 2 and isinstance(found[0][1], int) and found[0][1] != rule.width
    ):
        shapes = {node.name: node.shape for node in outputs}
        raise ReleaseError(
            f"{MODEL} gives {shapes}, but the {rule.task} model of {PLAN} needs "
            f"{rule.output or 'one output'} of width {rule.width}"
        )
