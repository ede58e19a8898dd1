"""Whom a deployment's alarms tell, what it promises, what it expects, and what it may cost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
URL = re.compile(r"https://[^\s/]+(/\S*)?")
# Of one budget: CloudFormation's limit of e-mail addresses is 10, of topics 1.
LEAST_AVAILABILITY, MOST_AVAILABILITY = 90.0, 99.999


@dataclass(frozen=True)
class Watching:
    """What people want to hear of.

    subscribers: e-mail addresses and https:// URLs, which AWS asks for their consent.
    availability: percent of a model's answers, in 30 days, that are not its own fault.
    traffic: model -> questions an hour, at least; of a model that is not named silence is no fault.
    probes: model -> a question that it can answer, asked through the API every minute: the body of
    a /predict, or of a /score where it has features.
    budget: USD a month of the account; 0 for none.
    """

    subscribers: tuple[str, ...] = ()
    availability: float = 99.9
    traffic: Mapping[str, int] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    budget: int = 0

    def check(self, deployment: str, models: Sequence[str], protected: bool) -> None:
        """Raise ValueError naming the field of a deployment, and what it takes."""
        for one in self.subscribers:
            if not EMAIL.fullmatch(one) and not URL.fullmatch(one):
                raise ValueError(
                    f"{deployment}: watching.subscribers has '{one}': use an e-mail address or an "
                    "https:// URL"
                )
        if protected and not self.subscribers:
            raise ValueError(
                f"{deployment}: watching.subscribers is empty: nobody would hear its alarms; give "
                "an e-mail address or an https:// URL"
            )
        if not LEAST_AVAILABILITY <= self.availability <= MOST_AVAILABILITY:
            raise ValueError(
                f"{deployment}: watching.availability {self.availability}: use percent, "
                f"{LEAST_AVAILABILITY:g} to {MOST_AVAILABILITY:g}"
            )
        for model, least in self.traffic.items():
            if model not in models or least < 1:
                raise ValueError(
                    f"{deployment}: watching.traffic of '{model}', {least} an hour: use some of "
                    f"the models {', '.join(models)}, and 1 or more"
                )
        if unknown := self.probes.keys() - set(models):
            raise ValueError(
                f"{deployment}: watching.probes has {', '.join(sorted(unknown))}: use some of the "
                f"models {', '.join(models)}"
            )
        if self.budget < 0:
            raise ValueError(f"{deployment}: watching.budget {self.budget}: use USD, or 0 for none")

    @property
    def error_budget_percent(self) -> float:
        """Percent of answers that may fail."""
        return 100 - self.availability
