"""The catalogue: what is declared, beside what the lake, the online store and champions say."""

from pathlib import Path
from shutil import copytree

from hindcast.operations.catalogue import catalogue
from tests.integration.hindsight import Home


def test_it_tells_of_all_that_is_declared_and_what_is_known_of_it(settled: Home) -> None:
    found = catalogue(settled.application)
    (source,), (view,), (model,) = found.sources, found.views, found.models
    assert (source.rows or 0) > 0
    assert source.columns["loan_amount"].startswith("decimal")
    assert view.source == model.events == source.name
    assert settled.online is not None
    assert (view.as_of, view.rows) == (settled.online.as_of, settled.online.rows)
    champion = settled.application.ledger.champion(model.name)
    assert champion is not None
    assert model.champion == champion.release
    project = settled.application.project
    read = {feature.name for feature in view.features if model.name in feature.models}
    assert read == set(project.service_of(project.model()).names)


def test_a_feature_has_its_sql_its_window_its_nulls_and_what_the_champion_was_trained_on(
    settled: Home,
) -> None:
    features = {each.name: each for each in catalogue(settled.application).views[0].features}
    loans = features["nb_previous_loans"]
    assert (loans.type, loans.seen, loans.null_share) == ("bigint", "prior()", 0.0)
    assert sum(loans.distribution[loans.name]["counts"]) > 0
    assert features["age"].seen == "when asked"


def test_before_anything_ran_it_tells_of_the_definitions_alone(
    settled: Home, database_url: str, tmp_path: Path
) -> None:
    empty = Home(tmp_path, database_url)
    copytree(settled.definitions.parent, empty.definitions.parent)
    found = catalogue(empty.application)
    assert (found.sources[0].rows, found.views[0].rows, found.models[0].champion) == (None,) * 3
    assert {feature.null_share for feature in found.views[0].features} == {None}
