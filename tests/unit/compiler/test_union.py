"""Versions of views that share a pass over the history: each stored value is computed once."""

from dataclasses import replace

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.union import may_join, union
from hindcast.definitions import Feature, latest, prior
from tests.unit.compiler.loans import view_of

COUNT = Feature("loans", "count(*)", over=prior())
TOTAL = Feature("total", "sum(amount)", over=prior())
AGE = Feature("age", "years_between(birthday, as_of)")
LEAD = view_of(COUNT, TOTAL, AGE)


def with_source(view: CompiledView, **changes: object) -> CompiledView:
    source = replace(view.view.source, **changes)  # type: ignore[arg-type]
    return compile_view(replace(view.view, source=source))


def test_what_versions_share_is_computed_once_under_the_leads_names() -> None:
    other = view_of(replace(TOTAL, name="sum"), Feature("born", "birthday", over=latest()))
    joined = union(LEAD, [other])
    assert joined.view.features == LEAD.features
    assert joined.columns == (
        {name: name for name in LEAD.online_columns},
        {"id": "id", "sum": "total", "born": "_birthday"},
    )


def test_a_name_that_means_something_else_gets_a_column_of_its_own() -> None:
    lead = view_of(COUNT, replace(TOTAL, name="shared_1"))
    other = view_of(replace(COUNT, over=prior(days=90)), TOTAL)
    joined = union(lead, [other, other])
    assert joined.columns[1] == {"id": "id", "loans": "shared_2", "total": "shared_1"}
    assert joined.columns[1] == joined.columns[2]
    assert [f.name for f in joined.view.features] == ["loans", "shared_1", "shared_2"]


def test_versions_join_if_one_source_is_read_alike_by_both() -> None:
    schema = dict(LEAD.view.source.schema)
    assert may_join(LEAD, with_source(LEAD, schema={**schema, "more": "bigint"}))
    assert not may_join(LEAD, with_source(LEAD, schema={**schema, "amount": "double"}))
    assert not may_join(LEAD, with_source(LEAD, name="others"))
    wider = union(LEAD, [with_source(LEAD, schema={**schema, "more": "bigint"})]).view
    assert "more" in wider.types
