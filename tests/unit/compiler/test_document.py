"""A feature view survives the way into a release and back."""

import json
from dataclasses import replace

import pytest

from hindcast.compiler.document import from_document, to_document
from hindcast.compiler.features import compile_view
from hindcast.definitions import Feature, FeatureView, days, latest, prior
from hindcast.errors import DefinitionError
from hindcast.project import load

CREDIT_HISTORY = load().view("credit_history")


def through_json(view: FeatureView) -> FeatureView:
    return from_document(json.loads(json.dumps(to_document(view))))


def test_a_view_read_back_computes_the_same_and_has_the_same_hash() -> None:
    back = compile_view(through_json(CREDIT_HISTORY.view))
    assert back.features == CREDIT_HISTORY.features
    assert back.inputs == CREDIT_HISTORY.inputs
    assert back.definition_hash == CREDIT_HISTORY.definition_hash


def test_windows_come_back_as_they_were() -> None:
    windows = [prior(), prior(hours=6), prior(last=5), prior(days=30, ending=days(30)), latest()]
    features = [
        Feature(f"f{number}", "purpose" if over == latest() else "count(*)", over=over)
        for number, over in enumerate(windows)
    ]
    view = replace(CREDIT_HISTORY.view, features=features)
    assert [feature.over for feature in through_json(view).features] == windows


def test_the_label_comes_back_too() -> None:
    assert through_json(CREDIT_HISTORY.view).source.label == "status"


@pytest.mark.parametrize(
    "document", [{}, {"format": 3, "source": {}}, {"format": 3, "source": {"name": "x"}}]
)
def test_what_is_no_document_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(DefinitionError, match="feature view cannot be read"):
        from_document(document)


@pytest.mark.parametrize("other", [2, 4])
def test_a_document_of_another_format_is_refused_with_what_to_do(other: int) -> None:
    with pytest.raises(
        DefinitionError, match=f"of format {other}, and only 3 is read; train the model again"
    ):
        from_document({**to_document(CREDIT_HISTORY.view), "format": other})
