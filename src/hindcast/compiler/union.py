"""Versions of feature views in one query: what each stores online, computed once for all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.definitions import FeatureView


@dataclass(frozen=True)
class Union:
    """A view whose query computes what a lead and other versions store.

    columns: for each version, the lead first, its online columns -> the query's.
    """

    view: CompiledView
    columns: tuple[Mapping[str, str], ...]


def may_join(lead: CompiledView, other: CompiledView) -> bool:
    """Whether one pass over the history can compute both: one source, read alike."""
    ours, theirs = lead.view.source, other.view.source
    same = ("name", "identity", "event_timestamp", "tiebreaker", "recorded_at")
    shared = lead.types.keys() & other.types.keys()
    one_entity = (lead.view.of, lead.view.key_columns) == (other.view.of, other.view.key_columns)
    return (
        one_entity
        and all(getattr(ours, name) == getattr(theirs, name) for name in same)
        and all(lead.types[column] == other.types[column] for column in shared)
    )


def union(lead: CompiledView, others: Sequence[CompiledView]) -> Union:
    """The lead's own features, and for the others those that it does not store already."""
    computed = {_meaning(feature): feature.name for feature in _stored(lead)}
    taken = {name.lower() for name in (*lead.online_columns, *lead.offline_columns)}
    fresh = (name for name in map("shared_{}".format, count(1)) if name not in taken)
    more: list[CompiledFeature] = []
    for feature in (feature for other in others for feature in _stored(other)):
        if _meaning(feature) not in computed:
            computed[_meaning(feature)] = name = next(fresh)
            more.append(replace(feature, name=name))
    view = replace(lead, view=_wider(lead, others), features=(*lead.features, *more))
    return Union(view, tuple(_columns(version, computed) for version in (lead, *others)))


def _wider(lead: CompiledView, others: Sequence[CompiledView]) -> FeatureView:
    """The lead's view over a source that declares every column that the others read."""
    schema = {
        name: kind for view in (*others, lead) for name, kind in view.view.source.schema.items()
    }
    return replace(lead.view, source=replace(lead.view.source, schema=schema))


def _stored(view: CompiledView) -> Iterator[CompiledFeature]:
    """What the online table holds beside the key; a request-time feature's inputs, not itself."""
    yield from (feature for feature in view.features if feature.kind != "request")
    yield from view.inputs


def _meaning(feature: CompiledFeature) -> CompiledFeature:
    """What makes two features the same in the history: all but their names."""
    return replace(feature, name="")


def _columns(view: CompiledView, computed: Mapping[CompiledFeature, str]) -> dict[str, str]:
    own = {feature.name: computed[_meaning(feature)] for feature in _stored(view)}
    return {**{key: key for key in view.keys}, **own}
