"""The API's routes, and what a body must be before a function is called for it.

The function checks more, and says it better; this keeps out what cannot be a request at all.
"""

from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

_Type = apigateway.JsonSchemaType
_ID = apigateway.JsonSchema(type=[_Type.STRING, _Type.INTEGER])
_ROW = apigateway.JsonSchema(type=_Type.OBJECT, min_properties=1)


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    name: str
    method: str
    path: str
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


def _several(items: apigateway.JsonSchema) -> apigateway.JsonSchema:
    # How many is the function's to say: it is the same for whoever calls it another way.
    return apigateway.JsonSchema(type=_Type.ARRAY, items=items, min_items=1)


ROUTES = (
    Route("Predict", "POST", "/predict", _document(id=_ID)),
    Route(
        "PredictBatch",
        "POST",
        "/predict/batch",
        # Any item: a bad id is refused in its place, not with the whole batch.
        _document(ids=_several(apigateway.JsonSchema())),
    ),
    Route("Score", "POST", "/score", _document(features=_ROW, instances=_several(_ROW))),
    Route("Features", "GET", "/features/{key}"),
    Route("Health", "GET", "/health"),
)
