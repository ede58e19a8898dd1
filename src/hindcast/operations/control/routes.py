"""The routes of the control API, as data: who may call each, what it takes and answers with."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel

from hindcast.operations.control import acting, bodies, documents, looking, reading
from hindcast.operations.control.access import Role
from hindcast.operations.control.bodies import Body, Nothing
from hindcast.operations.control.control import Call, Control, Reply
from hindcast.operations.control.jobs import COMMANDS

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True)
class Route:
    """One method of one path, such as /runs/{id}.

    body: by the values in the path, where it depends on them. Answers with `status` and a document
    of `answer`; every refusal is an ErrorDocument.
    """

    method: Method
    path: str
    role: Role
    summary: str
    act: Callable[[Control, Call], Reply]
    answer: type[BaseModel]
    status: int = 200
    query: type[Body] = Nothing
    body: type[Body] = Nothing
    bodies: Mapping[str, type[Body]] | None = None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of the route, percent-encoded as they come."""
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))


ROUTES = (
    Route(
        "GET",
        "/runs",
        "viewer",
        "List runs.",
        reading.runs,
        documents.RunsPage,
        query=bodies.RunsQuery,
    ),
    Route("GET", "/runs/{id}", "viewer", "Tell of a run.", reading.run, documents.RunDocument),
    Route(
        "POST",
        "/runs/{id}/retry",
        "operator",
        "Do again what a run did.",
        acting.retry,
        documents.RunDocument,
        202,
    ),
    Route(
        "POST",
        "/runs/{id}/cancel",
        "operator",
        "Stop a run.",
        acting.cancel,
        documents.RunDocument,
        202,
    ),
    Route(
        "POST",
        "/jobs/{job}",
        "operator",
        "Start a job.",
        acting.start,
        documents.RunDocument,
        202,
        bodies=COMMANDS,
    ),
    Route(
        "GET",
        "/releases",
        "viewer",
        "List releases.",
        reading.releases,
        documents.ReleasesPage,
        query=bodies.ReleasesQuery,
    ),
    Route(
        "GET",
        "/releases/{id}",
        "viewer",
        "Tell of a release.",
        reading.release,
        documents.ReleaseDocument,
        query=bodies.ModelQuery,
    ),
    Route(
        "POST",
        "/releases/{id}/promote",
        "approver",
        "Put a release into production.",
        acting.promote,
        documents.PromotionDocument,
        query=bodies.ModelQuery,
        body=bodies.PromoteBody,
    ),
    Route(
        "POST",
        "/models/{model}/rollback",
        "approver",
        "Bring the release before back.",
        acting.roll_back,
        documents.PromotionDocument,
        body=bodies.RollbackBody,
    ),
    Route(
        "GET",
        "/status",
        "viewer",
        "Tell how models and views stand.",
        reading.status,
        documents.StatusDocument,
    ),
    Route(
        "GET",
        "/schedules",
        "viewer",
        "List schedules.",
        reading.schedules,
        documents.SchedulesDocument,
    ),
    Route(
        "PUT",
        "/schedules/{job}",
        "operator",
        "Say when a job starts by itself.",
        acting.schedule,
        documents.ScheduleDocument,
        body=bodies.ScheduleBody,
    ),
    Route(
        "GET",
        "/subscriptions",
        "viewer",
        "List subscriptions.",
        reading.subscriptions,
        documents.SubscriptionsDocument,
    ),
    Route(
        "POST",
        "/subscriptions",
        "operator",
        "Post events to a URL.",
        acting.subscribe,
        documents.SubscriptionDocument,
        201,
        body=bodies.SubscriptionBody,
    ),
    Route(
        "DELETE",
        "/subscriptions/{name}",
        "operator",
        "Post no more events to a URL.",
        acting.unsubscribe,
        documents.SubscriptionDocument,
    ),
    Route(
        "GET",
        "/releases/{id}/card",
        "viewer",
        "Give a release's card.",
        looking.card,
        documents.PageDocument,
        query=bodies.ModelQuery,
    ),
    Route(
        "GET",
        "/catalogue",
        "viewer",
        "Tell what is declared, and what is known of it.",
        looking.catalogue,
        documents.CatalogueDocument,
    ),
    Route(
        "POST",
        "/models/{model}/lookup",
        "viewer",
        "Tell of one entity: features, prediction, earlier answers.",
        looking.look_up,
        documents.LookupDocument,
        body=bodies.LookupBody,
    ),
    Route(
        "GET",
        "/models/{model}/drift",
        "viewer",
        "Tell of a model's checks for drift.",
        looking.drift,
        documents.DriftDocument,
        query=bodies.ChecksQuery,
    ),
    Route(
        "GET",
        "/models/{model}/drift/{run}",
        "viewer",
        "Give the page of a check for drift.",
        looking.drift_page,
        documents.PageDocument,
    ),
    Route(
        "POST",
        "/predictions/{id}/replay",
        "viewer",
        "Compute a logged answer again.",
        looking.replay,
        documents.ReplayDocument,
    ),
)
