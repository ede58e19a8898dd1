"""What a demo of an example needs beside its definitions: its files, an instant, and questions."""

import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hindcast import project
from hindcast.demo.generate import generate
from hindcast.errors import InputError

Question = Mapping[str, Any]

_FLIGHT = {"tailnum": "N335NB", "carrier": "DL", "dest": "MEM", "origin": "LGA", "distance": 963}
_APPLICANTS = ({"id": 5008827}, {"id": 5008804}, {"id": 5008805})
_APPLICATION = {"country": "CH", "branch_no": 2, "loan_amount": "150.5"}


@dataclass(frozen=True)
class Drifting:
    """A feature that so many callers send times a factor: in another unit than it was learned."""

    model: str
    feature: str
    factor: float
    rows: int = 600


@dataclass(frozen=True)
class Example:
    """write: makes a file named after each source in a folder, and gives a report of it.

    as_of: what its features and models know. questions: what each of its models is asked.
    then: an instant in the past at which the first question is asked as well. challenged: models
    whose first release knows less, that it may be challenged, and what it knows. drifting: what
    moves after that. is_elsewhere: whether a script of it trains a model in MLflow, by which a
    batch scores.
    """

    name: str
    write: Callable[[Path], Any]
    as_of: str
    questions: Mapping[str, Sequence[Question]] = field(default_factory=dict)
    then: str | None = None
    challenged: Mapping[str, str] = field(default_factory=dict)
    drifting: Drifting | None = None
    is_elsewhere: bool = False

    @property
    def folder(self) -> Path:
        """Where its definitions are."""
        return project.examples() / self.name


def example(name: str, customers: int) -> Example:
    """The example of that name; customers: how many credit_risk has. Raises InputError."""
    found = {each.name: each for each in _examples(customers)}
    if name not in found:
        raise InputError(f"no demo of '{name}'; use one of {', '.join(found)}")
    return found[name]


def _examples(customers: int) -> tuple[Example, ...]:
    return (
        Example(
            "credit_risk",
            lambda folder: generate(folder / "loans.csv", customers=customers, seed=0),
            as_of="2021-09-17",
            questions={
                "credit_risk": _APPLICANTS,
                "late_payment": [{**each, **_APPLICATION} for each in _APPLICANTS],
            },
            challenged={"credit_risk": "2021-03-17"},
            drifting=Drifting("credit_risk", "income", 100.0),
        ),
        Example(
            "flights",
            _flights,
            as_of="2013-12-30",
            questions={"arrival_delay": [_FLIGHT], "arrival_outcome": [_FLIGHT]},
            then="2013-12-20T15:45:00Z",
        ),
        Example(
            "solar",
            lambda folder: _generated("solar", folder / "output.csv"),
            as_of="2024-01-01",
            questions={"day_ahead": [{"plant": "freiburg"}, {"plant": "malmo"}]},
            then="2023-12-20T12:00:00Z",
        ),
        Example(
            "line",
            lambda folder: _generated("line", folder / "points.csv"),
            as_of="2024-03-01",
            questions={"line": [{"x": 0}, {"x": 10}]},
        ),
        Example(
            "card_spending",
            lambda folder: _generated("card_spending", folder / "spending.csv"),
            as_of="2025-01-02",
            is_elsewhere=True,
        ),
    )


def _generated(name: str, file: Path) -> dict[str, Any]:
    _script(name, "generate.py")["generate"](file)
    return {"files": [str(file)]}


def _flights(folder: Path) -> dict[str, Any]:
    script = _script("flights", "prepare.py")
    try:
        script["prepare"](script["installed"](), folder)
    except SystemExit as missing:
        raise InputError(str(missing)) from missing
    return {"files": sorted(map(str, folder.glob("*.csv")))}


def _script(name: str, file: str) -> dict[str, Any]:
    """What a script of an example declares."""
    return runpy.run_path(str(project.examples() / name / file))
