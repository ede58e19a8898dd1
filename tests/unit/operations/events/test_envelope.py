"""Every type of event has a schema, and docs/events.md says what is in it."""

from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from hindcast.operations.events import envelope
from hindcast.stores.ledger import EventType

PAGE = (Path(__file__).parents[4] / "docs" / "events.md").read_text()


@pytest.mark.parametrize("type", get_args(EventType))
def test_a_type_is_documented_as_its_schema_says(type: EventType) -> None:
    schema = envelope.schema(type)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == envelope.schema_name(type)
    fields = ", ".join(schema["properties"])
    assert f"| `{type}` | {schema['description']} | {fields} |" in PAGE


def test_no_schema_lets_anything_else_in() -> None:
    schemas = [envelope.schema(type) for type in get_args(EventType)]
    assert all(schema["additionalProperties"] is False for schema in schemas)
