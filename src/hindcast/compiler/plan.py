"""How a question is answered, as a JSON document that serving reads without a compiler."""

from typing import Any

from hindcast.compiler.service import CompiledService
from hindcast.compiler.serving import serving_query
from hindcast.definitions import ColdStart


def question_document(service: CompiledService, cold_start: ColdStart = "refuse") -> dict[str, Any]:
    """The keys and values that a question brings, the exact SQL, and the features it gives."""
    return {
        "entity": " and ".join(dict.fromkeys(view.view.of.name for view in service.views)),
        "keys": [
            {"name": name, "type": str(kind), "required": name in service.required}
            for name, kind in service.keys.items()
        ],
        "request": [
            {"name": name, "type": str(kind), "required": False}
            for name, kind in service.given.items()
        ],
        "views": [view.view.name for view in service.views],
        "sql": serving_query(service, cold_start),
        "features": [
            {
                "name": feature.name,
                "type": str(feature.datatype),
                "request_time": feature.kind not in ("prior", "latest"),
            }
            for feature in service.features
        ],
    }


def service_document(service: CompiledService) -> dict[str, Any]:
    """What serving needs to answer a feature service without any model."""
    return {
        "format": 1,
        **question_document(service),
        "versions": dict(service.definition_hashes),
    }
