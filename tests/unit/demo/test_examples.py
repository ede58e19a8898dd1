"""What a demo asks is what the models of its example are asked."""

import pytest

from hindcast import project
from hindcast.demo.examples import example
from hindcast.errors import InputError


@pytest.mark.parametrize("name", ["credit_risk", "flights", "solar", "line"])
def test_every_model_is_asked_for_all_that_it_needs(name: str) -> None:
    found = example(name, customers=100)
    declared = project.load(found.folder)
    assert found.questions.keys() == declared.models.keys()
    assert found.challenged.keys() <= declared.models.keys()
    for model, questions in found.questions.items():
        service = declared.service_of(declared.model(model))
        for question in questions:
            assert question.keys() == {*service.keys, *service.given}


def test_an_unknown_example_names_those_that_there_are() -> None:
    with pytest.raises(InputError, match="no demo of 'blank'; use one of credit_risk, flights"):
        example("blank", customers=100)
