"""What the demo did, as tables for people."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hindcast import names
from hindcast.models.evaluation.evaluate import EvaluationReport
from hindcast.traffic.roll_out import RollOutReport

T = TypeVar("T")


@dataclass
class Summary:
    """Reports and seconds by step, answers, verdicts, canaries, and where things lie."""

    engine: str
    home: Path
    seconds: dict[str, float] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    verdicts: dict[str, EvaluationReport] = field(default_factory=dict)
    canaries: dict[str, RollOutReport] = field(default_factory=dict)

    def run(self, step: str, work: Callable[[], T]) -> T:
        """Do one step and keep its report and its time."""
        started = time.perf_counter()
        result = work()
        self.seconds[step] = round(time.perf_counter() - started, 2)
        self.reports[step] = result
        return result


def predictions(summary: Summary) -> list[dict[str, Any]]:
    """A row per field of the answers and per feature, a column per customer."""
    shown = ("prediction", "probability", "release", "features_as_of")
    columns = {
        str(item["answer"]["id"]): {name: item["answer"][name] for name in shown} | item["features"]
        for item in summary.answers
    }
    fields: dict[str, Any] = next(iter(columns.values()), {})
    return [
        {"": field, **{key: column[field] for key, column in columns.items()}} for field in fields
    ]


def gates(summary: Summary) -> list[dict[str, Any]]:
    """A row per judged release: what the gate said, and why it refused."""
    return [
        {
            "": who,
            "release": verdict.release,
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
            "release": report.release,
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
        "loans": str(home / "loans.csv"),
        "raw, quarantine, features, predictions": str(home / "lake"),
        "online store, ledger, MLflow": f"Postgres in {home / 'postgres'}: schemas "
        f"{names.ONLINE_SCHEMA}, {names.LEDGER_SCHEMA}, mlflow",
        "releases and their model cards": str(home / "releases"),
        "prediction log": str(home / "serve.log"),
    }
