"""/openapi.json and Swagger UI beside an API, from local files."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

_HERE = Path(__file__).parent
JAVASCRIPT, CSS, HTML = "text/javascript", "text/css", "text/html; charset=utf-8"
# Nothing from elsewhere, and nothing told to elsewhere; Swagger UI styles elements itself.
SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Page:
    """A file that is answered as it lies there."""

    path: Path
    media: str

    def answer(self) -> dict[str, Any]:
        """The proxy answer with its content."""
        headers = {"Content-Type": self.media, "Cache-Control": "no-cache", **SECURITY}
        return {
            "statusCode": 200,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "body": self.path.read_text("utf-8"),
        }


def beside(pages: Mapping[str, Page], handler: Handler) -> Handler:
    """A handler that also answers GET of pages, by their paths."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        page = pages.get(event.get("path", "")) if event.get("httpMethod") == "GET" else None
        return page.answer() if page else handler(event, context)

    return handle


def documentation(name: str, below: str = "") -> dict[str, Page]:
    """Path -> an API's document, and Swagger UI over it.

    name: of a document in this folder, such as "predict". below: the path that they are under.
    """
    swagger = _swagger()
    pages = {
        "/openapi.json": Page(_HERE / f"{name}.json", "application/json"),
        "/docs": Page(_HERE / "swagger.html", HTML),
        "/docs/begin.js": Page(_HERE / "begin.js", JAVASCRIPT),
        "/docs/swagger-ui-bundle.min.js": Page(swagger / "swagger-ui-bundle.min.js", JAVASCRIPT),
        "/docs/swagger-ui.min.css": Page(swagger / "swagger-ui.min.css", CSS),
    }
    return {f"{below}{path}": page for path, page in pages.items()}


def _swagger() -> Path:
    """Swagger UI as Powertools brings it; found without importing its resolver and pydantic."""
    found = importlib.util.find_spec("aws_lambda_powertools")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "event_handler" / "openapi" / "swagger_ui"
