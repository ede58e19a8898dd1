"""What is deployed of a project: its sources, views and models, by their names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hindcast import names

_MODEL = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")  # ECR takes no other names.


@dataclass(frozen=True)
class Table:
    """A Delta table below the lake's root that Athena shows."""

    name: str
    folder: str


@dataclass(frozen=True)
class Project:
    """Definitions: their folder in this source, and what of them is deployed.

    `folder` holds a definitions.py that stands alone: Glue is given that file and no other.
    `sources` and `views` become tables in Athena, `views` and `models` what is run and watched, by
    their names in it; a test compares them, as infra loads no definitions.
    """

    folder: str
    sources: tuple[str, ...]
    views: tuple[str, ...]
    models: tuple[str, ...]

    def __post_init__(self) -> None:
        path = PurePosixPath(self.folder)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"project '{self.folder}': name a folder below the source's root")
        if not (self.sources and self.views and self.models):
            raise ValueError(f"project '{self.folder}': name its sources, views and models")
        for model in self.models:
            if not _MODEL.fullmatch(model):
                raise ValueError(
                    f"project '{self.folder}': model '{model}' names an image, a stage and a "
                    "function on AWS: use lower-case letters and digits, with single _ or - between"
                )
        if len(set(map(_letters, self.models))) < len(self.models):
            raise ValueError(
                f"project '{self.folder}': models {', '.join(self.models)}: names on AWS must "
                "differ in more than _ and -"
            )

    @property
    def definitions(self) -> str:
        """The file that declares everything."""
        return f"{self.folder}/definitions.py"

    @property
    def tables(self) -> tuple[Table, ...]:
        """The Delta tables that its sources, views and answers become."""
        kept = [(kind, name) for kind in (names.RAW, names.QUARANTINE) for name in self.sources]
        kept += [(names.FEATURES, name) for name in self.views]
        tables = [Table(f"{kind}_{name}", f"{kind}/{name}") for kind, name in kept]
        return (*tables, Table(names.PREDICTIONS, names.PREDICTIONS))


def live_version(model: str) -> str:
    """The api stack's parameter for the version that serves a model: CloudFormation's kind of name.

    It is the stage's variable as it is; empty the first time.
    """
    return f"LiveVersionOf{_letters(model).capitalize()}"


def _letters(model: str) -> str:
    return re.sub("[_-]", "", model)


# In the wheel, and so in every image and on Glue.
EXAMPLE = Project(
    "examples/credit_risk",
    sources=("loans", "repayments", "outcomes"),
    views=("credit_history", "paying", "branch_book"),
    models=("credit_risk", "late_payment"),
)
# A question for each model that it can answer, of the example and so of nobody.
KNOWN: Mapping[str, Mapping[str, Any]] = {
    "credit_risk": {"id": "5008827"},
    "late_payment": {
        "id": "5008827",
        "country": "DE",
        "branch_no": 1,
        "loan_amount": 200_000,
    },
}
