"""What each of the database's users may do: what its function needs, and nothing else.

All read the ledger; whoever changes a table of it adds rows, as nobody may do more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hindcast import names

# What everything does that is a run: its start, signs of life and end, and what others are told.
RUN = frozenset(("runs", "heartbeats", "run_ends", "events"))
# What whoever commits to a table of the lake that the ledger knows adds.
LAKE = frozenset(("lake_intents", "lake_commits", "lake_adoptions"))


@dataclass(frozen=True)
class Grants:
    """adds: tables of the ledger, of those that its revision has.

    online: whether it reads the online store, or loads and swaps it.
    mlflow: what it may do with MLflow's tables, which the library changes as it likes.
    """

    adds: frozenset[str]
    online: Literal["reads", "owns"] | None = None
    mlflow: Literal["reads", "writes"] | None = None


GRANTS: Mapping[str, Grants] = {
    # Glue: features, and batches on Spark.
    names.DATABASE_WORKER: Grants(RUN | LAKE, "owns", "reads"),
    names.database_user("train"): Grants(RUN | {"releases"}, mlflow="writes"),
    names.database_user("evaluate"): Grants(RUN | {"evaluations"}, mlflow="writes"),
    # Machines' runs, promotions, checks of data and measurements; the lines of predictions.
    names.database_user("control"): Grants(
        RUN | LAKE | {"promotions", "job_ends", "deliveries"}, "reads", "writes"
    ),
    names.database_user("ingest"): Grants(RUN | LAKE),
    names.database_user("relay"): Grants(frozenset(("deliveries",))),
    names.database_user("drift"): Grants(RUN, "reads"),
    names.database_user("batch"): Grants(RUN, "reads", "reads"),
    # With the end of what a job left open, and of runs whose process is gone.
    names.database_user("control-api"): Grants(
        frozenset(("calls", "deliveries", "events", "job_ends", "job_starts", "jobs", "run_ends"))
        | {"schedules", "subscriptions"},
        "reads",
    ),
}
