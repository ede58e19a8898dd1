"""What a release can be asked before anybody asks it: questions of the log, and known ids.

A version of predict is tried by them, and a canary that hardly anybody calls is judged by them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import zip_longest
from typing import Any

from hindcast import names
from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.errors import NotFoundError
from hindcast.releases import contents
from hindcast.releases.contents import ReleaseContents
from hindcast.serving import questions, requests
from hindcast.serving.features import FeatureReader, FeatureRow
from hindcast.serving.plan import PlanFeature, PlanInput, ServingPlan
from hindcast.serving.requests import Question, RequestError
from hindcast.serving.store import Database, OnlineReader
from hindcast.stores import database
from hindcast.stores.online import ViewVersion

# As many as are worth asking again and again, few enough for a state of a machine.
COUNT, MOST_BYTES = 20, 100_000
LOGGED_WITHIN = timedelta(days=7)
# A value of each kind, where nothing says what callers send; times are now.
_MADE_UP: Mapping[str, Any] = {
    "bigint": 1,
    "double": 1.0,
    "decimal": "1",
    "boolean": True,
    "string": "",
}

Document = dict[str, Any]


@dataclass(frozen=True)
class KnownQuestions:
    """Bodies, as JSON text, that a release answers at a path."""

    path: str
    bodies: tuple[str, ...]


def find(
    application: Application, model: str | None, release: str, now: datetime
) -> KnownQuestions:
    """Questions that were answered lately and still can be, else about ids that are online.

    Values that come with a question, and that no log has, are made up. Raises NotFoundError where
    nothing is known, and StoreUnavailableError.
    """
    name = application.project.model(model).name
    search = _Search(application, name, contents.read(application.release_folder(release)), now)
    if search.plan.is_stateless:
        path, found = "/score", search.vectors()
    else:
        path, found = "/predict", search.about_entities()
    if not found:
        raise NotFoundError(
            f"release {release}: neither the prediction log nor the online store has an id to ask "
            "it about; run: hindcast materialize"
        )
    return KnownQuestions(path, tuple(_fitting(found)))


@dataclass(frozen=True)
class _Search:
    application: Application
    model: str
    release: ReleaseContents
    now: datetime

    @cached_property
    def plan(self) -> ServingPlan:
        return self.release.plan

    def vectors(self) -> list[Document]:
        """Features that callers sent to be scored, else made up."""
        logged = [
            {"features": json.loads(row["features"])}
            for row in self._logged(names.SCORED)
            if row["features"]
        ]
        good = [each for each in logged if self._takes(each["features"])]
        return good or [{"features": {each.name: _feature(each) for each in self.plan.features}}]

    def about_entities(self) -> list[Document]:
        """Questions about what has features now: as they were logged, else made of known ids."""
        return self._known(map(self._as_asked, self._logged(names.PREDICTED))) or self._known(
            self._online()
        )

    def _logged(self, outcome: str) -> list[Document]:
        since = self.now - LOGGED_WITHIN
        rows = prediction_log.asked(self.application.lake, self.model, since, COUNT)
        return [row for row in rows if row["outcome"] == outcome]

    def _takes(self, values: Any) -> bool:
        try:
            requests.feature_row(values, self.plan, "features")
        except RequestError:
            return False
        return True

    def _as_asked(self, row: Mapping[str, Any]) -> Document:
        keys, request = self.plan.keys, json.loads(row["request"] or "{}")
        named = {keys[0].name: row["id"]} if len(keys) == 1 else json.loads(row["id"] or "{}")
        return {**named, **request}

    def _online(self) -> Iterator[Document]:
        """Some ids of each view that the release reads, one of each in a question."""
        wanted = [key.name for key in self.plan.keys]
        views = self.release.definition_hashes.items()
        found = [
            self.application.store.some_keys(ViewVersion(view, version), wanted, COUNT)
            for view, version in views
        ]
        given = {each.name: _value(each, self.now) for each in self.plan.request}
        for rows in zip_longest(*found, fillvalue={}):
            together: Document = {}
            for row in rows:
                together |= row
            if together.keys() >= {*wanted}:
                yield {**together, **given}

    def _known(self, documents: Iterable[Document]) -> list[Document]:
        """Those that the release takes and has features for, by its own SELECT."""
        asked: dict[Question, Document] = {}
        for document in documents:
            try:
                asked[questions.read(document, self.plan)] = document
            except RequestError:
                continue  # Of a release that takes other values.
        # Who signs in by IAM needs a token, which the other ways into the database make themselves.
        url = database.signed(self.application.database_url)
        reader = OnlineReader(Database(url), self.plan.sql)
        try:
            rows = FeatureReader(self.plan, reader).read_many(list(asked), self.now)
        finally:
            reader.close()
        return [asked[each] for each, row in rows.items() if isinstance(row, FeatureRow)]


def _fitting(documents: list[Document]) -> Iterator[str]:
    """As text, which a state machine hands on as it is; as many as fit, and one."""
    size = 0
    for document in documents:
        body = json.dumps(document)
        if size and size + len(body) > MOST_BYTES:
            return
        size += len(body)
        yield body


def _feature(feature: PlanFeature) -> Any:
    return [1.0] * feature.size or _MADE_UP[feature.kind]


def _value(wanted: PlanInput, now: datetime) -> Any:
    if not wanted.required:
        return None
    today = now.astimezone(UTC)
    times = {"date": today.date().isoformat(), "timestamp": today.isoformat()}
    return {**_MADE_UP, **times}[wanted.kind]
