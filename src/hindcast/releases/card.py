"""The model card: what a release is, for people."""

from collections.abc import Mapping
from typing import Any

_SHOWN = ("roc_auc", "pr_auc", "ks", "brier", "log_loss", "calibration_error")


def render(manifest: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Markdown: origin, metrics beside the baselines, slices, confusion, parity."""
    held = metrics["holdout"]
    baseline = metrics["baseline"]
    sides = {"model": held, **{name.replace("_", " "): baseline[name] for name in baseline}}
    parts = [
        f"# {manifest['model']}",
        f"Trained on events before {manifest['as_of']}, known by {manifest['known_by']}, whose "
        f"labels had {manifest['label_matures_days']} days to mature. Seed {manifest['seed']}; "
        f"{manifest['code_revision']}.",
        "Data: " + ", ".join(f"{n} version {i['version']}" for n, i in manifest["inputs"].items()),
        f"## Holdout: {held['rows']:,} rows, {held['positives']:,} positives",
        "Customers and a period that training has not seen.",
        _table(
            ["metric", *sides],
            [[name, *(_number(side[name]) for side in sides.values())] for name in _SHOWN],
        ),
        f"## Answers at {held['confusion']['threshold']:.4g}",
        _table(
            ["true positives", "false positives", "false negatives", "true negatives",
             "precision", "recall"],
            [[*(f"{held['confusion'][name]:,}" for name in ("tp", "fp", "fn", "tn")),
              *(_number(held["confusion"][name]) for name in ("precision", "recall"))]],
        ),
        *(_slice(name, values) for name, values in metrics["slices"].items()),
        "## Parity",
        f"ONNX Runtime differs from scikit-learn by at most "
        f"{metrics['parity']['largest_difference']:.2g} over {metrics['parity']['rows']:,} rows.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _slice(name: str, values: Mapping[str, Any]) -> str:
    rows = [
        [value or "(null)", f"{part['rows']:,}", f"{part['positives']:,}",
         _number(part["roc_auc"]), _number(part["mean_probability"]), _number(part["prevalence"])]
        for value, part in values.items()
    ]  # fmt: skip
    header = [name, "rows", "positives", "roc auc", "mean probability", "observed"]
    return f"## By {name}\n\n{_table(header, rows)}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4f}"
