"""The routes of feature services: keys and request values in, features out, no model."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from hindcast.errors import NotMaterializedError, StoreUnavailableError
from hindcast.serving import answers, questions, refusals, requests
from hindcast.serving.catalog import Catalog
from hindcast.serving.features import FeatureReader
from hindcast.serving.meter import Meter
from hindcast.serving.requests import Question, RequestError
from hindcast.serving.routes import Routes


class FeatureRoutes:
    """GET and POST /services/{service}/features of every service, /features of an only one."""

    def __init__(self, catalog: Catalog, logger: Logger, meter: Meter) -> None:
        self._catalog = catalog
        self._outages = refusals.Outages(logger, meter)
        self._app = APIGatewayRestResolver(debug=False)  # As in Service.
        routes = Routes(self._app)
        routes.add("GET", "/services/<service>/features", self.of_service)
        routes.add("POST", "/services/<service>/features", self.of_service_by_body)
        routes.add("GET", "/features", self.of_only)
        routes.add("POST", "/features", self.of_only_by_body)
        routes.add("GET", "/features/<key>", self.of_key)
        routes.add("GET", "/health", self.health)
        refusals.install(self._app, routes, logger, meter, self._outages)

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one proxy event."""
        return self._app.resolve(event, context)

    def of_service(self, service: str) -> Response[str]:
        """The features of a service now, for the keys and request values of the query."""
        name = unquote(service)
        return _by_texts(name, self._catalog.reader(name), self._query())

    def of_service_by_body(self, service: str) -> Response[str]:
        """The same, for the keys and request values of the body, which no URL or log has."""
        return self._by_body(unquote(service))

    def of_only(self) -> Response[str]:
        """The same, of the only service."""
        name = self._only()
        return _by_texts(name, self._catalog.reader(name), self._query())

    def of_only_by_body(self) -> Response[str]:
        """The same, by the body."""
        return self._by_body(self._only())

    def of_key(self, key: str) -> Response[str]:
        """The same, with the first key in the path."""
        name = self._only()
        reader = self._catalog.reader(name)
        keys = {each.name: unquote(key) for each in reader.plan.keys[:1]}
        return _by_texts(name, reader, self._query(keys))

    def health(self) -> Response[str]:
        """Whether every service can answer, each by its own SELECT over the online store."""
        try:
            found = self._catalog.names
            for name in found:
                self._catalog.reader(name).check(datetime.now(UTC))
        except StoreUnavailableError as error:
            self._outages.note(error)
            is_there = isinstance(error, NotMaterializedError)
            state = ("ok", "missing") if is_there else ("unavailable", "unknown")
            return answers.unavailable(_health("down", *state))
        return answers.ok({**_health("ok", "ok", "ok"), "services": found})

    def _by_body(self, name: str) -> Response[str]:
        reader, event = self._catalog.reader(name), self._app.current_event.raw_event
        inputs, is_base64 = reader.plan.inputs, bool(event.get("isBase64Encoded"))
        document = requests.body(event.get("body"), is_base64, inputs)
        return _answer(name, reader, questions.read(document, reader.plan), document)

    def _query(self, keys: Mapping[str, str] | None = None) -> Mapping[str, str]:
        return requests.query(self._app.current_event.raw_event, keys)

    def _only(self) -> str:
        """The only service; raises RequestError 404 naming those there are."""
        found = self._catalog.names
        if len(found) > 1:
            known = ", ".join(found)
            message = f"names no service; use /services/SERVICE/features, and one of {known}"
            raise RequestError(404, "path", message)
        return found[0]


def _by_texts(name: str, reader: FeatureReader, texts: Mapping[str, str]) -> Response[str]:
    return _answer(name, reader, questions.of_texts(texts, reader.plan), texts)


def _answer(
    name: str, reader: FeatureReader, question: Question, asked: Mapping[str, Any]
) -> Response[str]:
    row = reader.read(question, datetime.now(UTC))
    return answers.ok({**asked, **row.document, "service": name})


def _health(status: str, database: str, features: str) -> dict[str, Any]:
    return {"status": status, "database": database, "features": features}
