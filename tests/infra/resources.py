"""Looking things up in templates."""

from collections.abc import Iterator
from typing import Any

Template = dict[str, Any]


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Resources of one type, by logical id."""
    found = template["Resources"]
    return {name: one for name, one in found.items() if one["Type"] == kind}


def only(template: Template, kind: str) -> dict[str, Any]:
    """The one resource of a type."""
    (found,) = of_type(template, kind).values()
    return found


def properties(template: Template, kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of a type."""
    return [one["Properties"] for one in of_type(template, kind).values()]


def listed(value: Any) -> list[Any]:
    """What IAM writes as one or as a list of some."""
    return value if isinstance(value, list) else [value]


def statements(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every statement of a resource's policies."""
    inner = resource.get("Properties", {})
    documents = [inner.get(name) for name in ("PolicyDocument", "KeyPolicy")]
    documents += [policy["PolicyDocument"] for policy in inner.get("Policies", [])]
    for document in documents:
        if isinstance(document, dict):
            yield from listed(document["Statement"])


def text(value: Any) -> str:
    """A value as one line: joins joined, references in angle brackets."""
    if isinstance(value, dict):
        if "Fn::Join" in value:
            return str(value["Fn::Join"][0]).join(text(part) for part in value["Fn::Join"][1])
        (inner,) = value.values()
        return f"<{'.'.join(text(part) for part in listed(inner))}>"
    if isinstance(value, list):
        return ".".join(text(part) for part in value)
    return str(value)


def reasons(resource: dict[str, Any]) -> dict[str, str]:
    """The findings that are acknowledged on a resource, with their reasons."""
    nag = resource.get("Metadata", {}).get("cdk_nag", {})
    return {rule["id"]: rule["reason"] for rule in nag.get("rules_to_suppress", [])}
