"""The API's routes, and what a body must be before a function is called for it.

The function checks more, and says it better; this keeps out what cannot be a request at all.
"""

from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

READY = "Ready"  # Which a deployment may let anybody ask.
_Type = apigateway.JsonSchemaType
_ROW = apigateway.JsonSchema(type=_Type.OBJECT, min_properties=1)


@dataclass(frozen=True)
class Route:
    """One method of a path, or of several that take the same body."""

    name: str
    method: str
    paths: tuple[str, ...]
    body: apigateway.JsonSchema | None = None


def _document(**properties: apigateway.JsonSchema) -> apigateway.JsonSchema:
    return apigateway.JsonSchema(
        schema=apigateway.JsonSchemaVersion.DRAFT4,
        type=_Type.OBJECT,
        properties=properties,
        additional_properties=False,
        min_properties=1,
        max_properties=1,
    )


def _question() -> apigateway.JsonSchema:
    return apigateway.JsonSchema(
        schema=apigateway.JsonSchemaVersion.DRAFT4, type=_Type.OBJECT, min_properties=1
    )


def _several(items: apigateway.JsonSchema) -> apigateway.JsonSchema:
    # How many is the function's to say: it is the same for whoever calls it another way.
    return apigateway.JsonSchema(type=_Type.ARRAY, items=items, min_items=1)


def _of_models(path: str) -> tuple[str, str]:
    """The path of the model in the image, and the same below its name."""
    return path, f"/models/{{model}}{path}"


ROUTES = (
    # Keys and request values by the names that the model's release says.
    Route("Predict", "POST", _of_models("/predict"), _question()),
    Route(
        "PredictBatch",
        "POST",
        _of_models("/predict/batch"),
        # Any item: a bad one is refused in its place, not with the whole batch.
        _document(
            ids=_several(apigateway.JsonSchema()), instances=_several(apigateway.JsonSchema())
        ),
    ),
    Route(
        "Score",
        "POST",
        _of_models("/score"),
        _document(features=_ROW, instances=_several(_ROW)),
    ),
    # Not by GET, as `hindcast serve` has it too: X-Ray and the firewall keep URLs, and ids in them.
    Route("Features", "POST", ("/features",), _question()),
    Route("Services", "POST", ("/services/{service}/features",), _question()),
    Route("Health", "GET", ("/health",)),
    Route(READY, "GET", ("/ready",)),
)
