"""The OpenAPI documents: as the code says, valid, and beside their API from local files."""

import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger, Metrics
from openapi_spec_validator import validate

from docs import generate_openapi
from hindcast.operations.openapi import pages
from hindcast.operations.openapi.document import Api, Operation, document
from hindcast.serving.catalog import Catalog
from hindcast.serving.feature_routes import FeatureRoutes
from hindcast.serving.meter import Meter
from hindcast.serving.service import Service
from hindcast.traffic import proxy_events

NAMES = sorted(generate_openapi.DOCUMENTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_document_that_lies_here_is_what_the_code_says(name: str) -> None:
    held = (generate_openapi.FOLDER / f"{name}.json").read_text()
    assert held == generate_openapi.text(name), "run: make docs"


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_openapi_3_1(name: str) -> None:
    found = json.loads(generate_openapi.text(name))
    assert found["openapi"] == "3.1.0"
    validate(found)


def test_every_route_of_the_predict_api_is_told_and_none_beside() -> None:
    told = {
        (method.upper(), path)
        for path, methods in json.loads(generate_openapi.text("predict"))["paths"].items()
        for method in methods
    }
    logger, meter = Logger(service="test"), Meter(Metrics(namespace="Test", service="test"))
    apps = (Service(None, logger, meter), FeatureRoutes(Catalog(None, ()), logger, meter))  # type: ignore[arg-type]
    assert told == {route for app in apps for route in routes(app)}


def routes(service: Any) -> set[tuple[str, str]]:
    app = service._app
    found = app._static_routes + app._dynamic_routes
    return {(route.method, route.path.replace("<", "{").replace(">", "}")) for route in found}


def test_one_method_of_a_path_is_told_once() -> None:
    twice = Operation("a", "GET", "/a", "A", "a", {})
    with pytest.raises(ValueError, match="GET /a is there twice"):
        document(Api("", "", "1", {}), [twice, twice])


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/swagger-ui-bundle.min.js"])
def test_the_document_and_swagger_ui_are_beside_the_api(path: str) -> None:
    handler = pages.beside(pages.documentation("predict"), lambda *_: {"statusCode": 404})
    answer = handler(event("GET", path), None)
    assert answer["statusCode"] == 200
    assert answer["body"]
    assert "'self'" in answer["multiValueHeaders"]["Content-Security-Policy"][0]
    assert handler(event("POST", path), None) == {"statusCode": 404}


def event(method: str, path: str) -> dict[str, Any]:
    return proxy_events.proxy_event(method, path, [], b"", "127.0.0.1")
