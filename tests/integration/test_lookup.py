"""Looking an entity up: what would be answered now, and what was answered before."""

import pytest

from hindcast.operations.lookup import look_up
from hindcast.serving.requests import RequestError
from tests.integration.hindsight import ANN, BOB, NOW, Home


def test_the_features_and_the_prediction_are_those_that_the_release_would_serve(
    settled: Home,
) -> None:
    found = look_up(settled.application, None, {"id": ANN}, NOW, 3)
    champion = settled.application.ledger.champion(found.model)
    assert champion is not None
    assert found.release == champion.release
    assert 0 <= found.prediction["probability"] <= 1
    values = {each.name: each for each in found.features}
    assert values["nb_previous_loans"].value > 0
    assert values["age"].when_asked
    assert found.features_as_of == max(found.views.values())


def test_the_answers_before_are_the_entitys_own_newest_first(home: Home) -> None:
    lines = [line for _ in range(3) for line in home.answer(ANN, BOB) if line["id"] == ANN]
    found = look_up(home.application, None, {"id": ANN}, NOW, 2).answers
    newest = sorted(lines, key=lambda line: str(line["instant"]), reverse=True)[:2]
    assert [each.prediction_id for each in found] == [line["prediction_id"] for line in newest]
    assert found[0].prediction == {name: newest[0][name] for name in ("prediction", "probability")}


def test_nobody_known_has_a_reason_and_no_features(settled: Home) -> None:
    found = look_up(settled.application, None, {"id": -1}, NOW, 3)
    assert found.unknown == "there is no customer with id -1"
    assert (found.prediction, found.features, found.answers) == ({}, (), ())


def test_what_is_no_key_is_refused_by_its_name(settled: Home) -> None:
    with pytest.raises(RequestError, match="is missing; send a bigint"):
        look_up(settled.application, None, {}, NOW, 3)
