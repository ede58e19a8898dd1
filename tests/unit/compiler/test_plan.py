"""What serving needs of a question, as a document."""

from hindcast.compiler.plan import question_document, service_document
from hindcast.compiler.service import compile_service, of_view
from hindcast.definitions import Derived, Feature, FeatureService, RequestSource, prior
from tests.unit.compiler.loans import view_of

VIEW = view_of(
    Feature("loans", "count(*)", over=prior()),
    Feature("age", "years_between(birthday, as_of)"),
)


def test_a_document_says_what_a_question_brings_and_what_it_gives() -> None:
    document = service_document(of_view(VIEW))
    assert (document["entity"], document["views"]) == ("customer", ["history"])
    assert document["keys"] == [{"name": "id", "type": "bigint", "required": True}]
    assert document["features"] == [
        {"name": "loans", "type": "bigint", "request_time": False},
        {"name": "age", "type": "bigint", "request_time": True},
    ]
    assert document["versions"] == {"history": VIEW.definition_hash}


def test_what_reads_no_view_is_as_of_its_own_instant() -> None:
    sent = RequestSource("sent", {"x": "double"})
    service = FeatureService("sums", [sent, Derived("twice", "2 * x")])
    document = question_document(compile_service(service, lambda _: VIEW))
    assert document["sql"].endswith(
        "'' AS _unseen, CAST(%(as_of)s AS TIMESTAMPTZ) AS features_as_of, '' AS materialization "
        "FROM (SELECT 1) AS asked WHERE TRUE"
    )
