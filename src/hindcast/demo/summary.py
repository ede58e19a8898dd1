"""What the demo did, as tables for people."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hindcast import names
from hindcast.models.evaluation.evaluate import EvaluationReport
from hindcast.serving.release import short
from hindcast.traffic.roll_out import RollOutReport

T = TypeVar("T")
# What of an answer is shown: besides it names what was asked.
SHOWN = ("prediction", "probability", "probabilities", "interval", "release", "features_as_of")


@dataclass
class Summary:
    """Reports and seconds by step, answers by model, verdicts, canaries, and where things lie."""

    engine: str
    home: Path
    seconds: dict[str, float] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    verdicts: dict[str, EvaluationReport] = field(default_factory=dict)
    canaries: dict[str, RollOutReport] = field(default_factory=dict)

    def run(self, step: str, work: Callable[[], T]) -> T:
        """Do one step and keep its report and its time."""
        started = time.perf_counter()
        result = work()
        self.seconds[step] = round(time.perf_counter() - started, 2)
        self.reports[step] = result
        return result


def predictions(summary: Summary) -> dict[str, list[dict[str, Any]]]:
    """Per model a row per field of its answers and per feature, a column per question."""
    return {model: _columns(answers) for model, answers in summary.answers.items()}


def _columns(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was asked is in the heads of the columns: the first of it."""
    columns = {
        str(next(iter(each["question"].values()))): {
            **{n: _shown(value) for n, value in each["answer"].items() if n in SHOWN},
            **each["features"],
        }
        for each in answers
    }
    fields: dict[str, Any] = next(iter(columns.values()), {})
    return [
        {"": field, **{key: column.get(field) for key, column in columns.items()}}
        for field in fields
    ]


def _shown(value: Any) -> Any:
    return short(value) if isinstance(value, str) else value


def gates(summary: Summary) -> list[dict[str, Any]]:
    """A row per judged release: what the gate said, and why it refused."""
    return [
        {
            "": who,
            "release": short(verdict.release),
            "gate": "passed" if verdict.passed else "refused",
            "why": "; ".join(f"{c.name}: {c.found}" for c in verdict.checks if c.passed is False),
        }
        for who, verdict in summary.verdicts.items()
    ]


def canaries(summary: Summary) -> list[dict[str, Any]]:
    """A row per roll-out: how far the canary came, what it answered, and how it ended."""
    return [
        {
            "": who,
            "release": short(report.release),
            "came to": f"{report.steps[-1].percent}%",
            "requests": sum(step.requests for step in report.steps),
            "failed": sum(step.errors for step in report.steps),
            "outcome": report.outcome,
            "why": report.why or "no alarm rang",
        }
        for who, report in summary.canaries.items()
    ]


def places(summary: Summary) -> dict[str, str]:
    """Where everything lies."""
    home = summary.home
    return {
        "files": str(home / "*.csv"),
        "raw, quarantine, features, predictions": str(home / "lake"),
        "online store, ledger, MLflow": f"Postgres in {home / 'postgres'}: schemas "
        f"{names.ONLINE_SCHEMA}, {names.LEDGER_SCHEMA}, mlflow",
        "releases and their model cards": str(home / "releases"),
        "prediction log": str(home / "serve.log"),
        "what the subscriber received": str(home / "received.log"),
    }
