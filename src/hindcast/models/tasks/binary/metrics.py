"""What a model is worth on the holdout; a metric that is not defined is null, never NaN."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Reals = NDArray[np.float64]
Labels = NDArray[np.int64]
BINS = 10
LEAST = 1e-15


def evaluate(labels: Labels, probabilities: Reals, threshold: float) -> dict[str, Any]:
    """All metrics of one model on one set of rows."""
    both = len(np.unique(labels)) == 2
    return {
        "rows": len(labels),
        "positives": int(labels.sum()),
        "prevalence": float(labels.mean()),
        "mean_probability": float(probabilities.mean()),
        "probability_range": [float(probabilities.min()), float(probabilities.max())],
        "roc_auc": float(metrics.roc_auc_score(labels, probabilities)) if both else None,
        "pr_auc": float(metrics.average_precision_score(labels, probabilities)) if both else None,
        "ks": _ks(labels, probabilities) if both else None,
        "brier": float(np.mean((probabilities - labels) ** 2)),
        "log_loss": _log_loss(labels, probabilities),
        "calibration": calibration(labels, probabilities),
        "calibration_error": calibration_error(labels, probabilities),
        "confusion": confusion(labels, probabilities, threshold),
        **({} if both else {"undefined": "roc_auc, pr_auc and ks need both labels"}),
    }


def confusion(labels: Labels, probabilities: Reals, threshold: float) -> dict[str, Any]:
    """Counts at the threshold; precision = tp / (tp + fp), recall = tp / (tp + fn)."""
    said = probabilities >= threshold
    tp, fp = int((said & (labels == 1)).sum()), int((said & (labels == 0)).sum())
    fn, tn = int((~said & (labels == 1)).sum()), int((~said & (labels == 0)).sum())
    return {
        "threshold": threshold,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def calibration(labels: NDArray[Any], probabilities: Reals) -> list[dict[str, Any]]:
    """Per tenth of the rows by probability: rows, mean predicted, observed share of positives."""
    order = np.argsort(probabilities, kind="stable")
    return [
        {
            "rows": len(part),
            "predicted": float(probabilities[part].mean()),
            "observed": float(labels[part].mean()),
        }
        for part in np.array_split(order, BINS)
        if len(part)
    ]


def calibration_error(labels: Labels, probabilities: Reals) -> float:
    """Expected calibration error: the mean gap of the bins, weighted by rows (Naeini, 2015)."""
    bins = calibration(labels, probabilities)
    gaps = (abs(part["predicted"] - part["observed"]) * part["rows"] for part in bins)
    return float(sum(gaps) / len(labels))


def best_threshold(labels: Labels, probabilities: Reals) -> float:
    """The probability from which answering 1 has the highest F1 on these rows."""
    precision, recall, thresholds = metrics.precision_recall_curve(labels, probabilities)
    total = precision[:-1] + recall[:-1]
    scores = np.divide(
        2 * precision[:-1] * recall[:-1], total, out=np.zeros_like(total), where=total > 0
    )
    return float(thresholds[int(np.argmax(scores))])


def _ks(labels: Labels, probabilities: Reals) -> float:
    """Kolmogorov-Smirnov: the largest gap between the two classes' score distributions."""
    false_rate, true_rate, _ = metrics.roc_curve(labels, probabilities)
    return float(np.max(true_rate - false_rate))


def _log_loss(labels: Labels, probabilities: Reals) -> float:
    return float(metrics.log_loss(labels, np.clip(probabilities, LEAST, 1 - LEAST), labels=[0, 1]))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
