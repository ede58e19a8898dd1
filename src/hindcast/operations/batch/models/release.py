"""A release of the ledger: features looked up as serving does, or given in the rows."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast import bootstrap, names
from hindcast.bootstrap import Application
from hindcast.compiler.service import CompiledService
from hindcast.data import retrieve
from hindcast.data import spine as spines
from hindcast.data.online_rows import OnlineRows
from hindcast.datatypes import DataType
from hindcast.errors import FeatureError, InputError, NotFoundError
from hindcast.formats.spine_file import Rows
from hindcast.operations.batch.models import vectors
from hindcast.operations.batch.models.parting import others, parted, without
from hindcast.operations.batch.parts import AS_OF, INSTANTS, PartContext, Refused, ScoredChunk
from hindcast.operations.batch.values import Strict
from hindcast.releases import contents
from hindcast.serving import release as releases
from hindcast.stores.ledger import ReleaseRecord

CHAMPION, CHALLENGER = "champion", "challenger"


class ReleaseModelParams(Strict):
    """release: champion, challenger, version or id. features: looked up, or in the rows."""

    release: str | int = CHAMPION
    model: str | None = None
    features: Literal["lookup", "given"] = "lookup"


class ReleaseModel:
    """Scores keys and request values, or rows of feature values, by one release."""

    Params = ReleaseModelParams

    def __init__(self, params: ReleaseModelParams, context: PartContext) -> None:
        """Open the release that is meant; raises NotFoundError, ReleaseError."""
        application = context.application
        record = _record(application, params, context)
        folder = application.release_folder(record.release)
        self._contents, self._open = contents.read(folder), releases.load(folder)
        self._context, self._given = context, params.features == "given"
        self._plan = self._open.plan
        self._many = vectors.ManyRows(self._open.session, self._plan)
        self.name = record.release
        self.facts: Mapping[str, Any] = {
            "release": record.release,
            "model": record.model,
            "version": record.version,
            "features": params.features,
        }
        service = self._service
        self.keys: Sequence[str] = () if self._given else tuple(service.keys)
        asked = (*service.keys, *service.given)
        self.reads: Sequence[str] = self._plan.names if self._given else asked

    def score(self, rows: pa.Table) -> ScoredChunk:
        """The answers for rows; what serving would refuse is refused, in its words.

        Columns: those of the rows, keys in their types, the answer's, as_of.
        """
        read, refused = parted(rows, self._read)
        kept = others(rows.num_rows, refused)
        wrong = vectors.faults(read, self._plan) if len(kept) else {}
        refused.update({int(kept[place]): reason for place, reason in wrong.items()})
        good = others(rows.num_rows, refused)
        found = self._answers(without(read, wrong), len(good))
        own = without(rows, refused).drop_columns(self._replaced(rows))
        finite = vectors.is_finite(found)
        refused.update(dict.fromkeys(good[~finite].tolist(), _OVERFLOW))
        answered = pa.table({**_columns(own), **_columns(found)}).filter(pa.array(finite))
        return ScoredChunk(answered, [Refused(*each) for each in sorted(refused.items())])

    def close(self) -> None:
        """Drop the connection to the store."""
        if "_store" in self.__dict__:
            self._store.close()

    def _answers(self, read: pa.Table, rows: int) -> pa.Table:
        """Keys, the model's answers and as_of for what was read of so many rows."""
        rule = self._plan.rule
        if rows:
            found = self._many.answers(read)
        else:
            found = vectors.answers(self._plan, np.empty((0, rule.width), np.float32))
        types = {name: self._service.keys[name].arrow() for name in self.keys}
        keys = {n: read[_KEY + n] if rows else pa.nulls(0, kind) for n, kind in types.items()}
        as_of = read[_KEY + AS_OF] if rows else pa.nulls(0, spines.INSTANT)
        return pa.table({**keys, **_columns(found), AS_OF: as_of})

    def _replaced(self, rows: pa.Table) -> list[str]:
        """Columns of the rows in whose place the answers have their own."""
        return [name for name in (*self.keys, AS_OF) if name in rows.column_names]

    @cached_property
    def _service(self) -> CompiledService:
        return self._contents.service

    @cached_property
    def _store(self) -> OnlineRows:
        return OnlineRows(self._context.application.database_url, self._service, self._plan.sql)

    @property
    def _read(self) -> Callable[[pa.Table], tuple[pa.Table, dict[int, str]]]:
        return self._typed if self._given or not self._service.views else self._looked_up

    def _typed(self, rows: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """Feature values that the rows have, in their types; raises InputError as spines do."""
        named, types = Rows(rows, "row"), self._service.types
        found = {name: given_values(named, name, types[name]) for name in self._plan.names}
        as_of = pa.array([self._context.as_of] * rows.num_rows, spines.INSTANT)
        return pa.table({**found, _KEY + AS_OF: as_of}), {}

    def _looked_up(self, rows: pa.Table) -> tuple[pa.Table, dict[int, str]]:
        """Features by key: as of each row's instant, else the batch's, else online now."""
        keys = spines.keys(self._service, Rows(rows, "row"))
        instants = [name for name in INSTANTS if name in rows.column_names]
        is_now = not instants and self._context.as_of is None
        found, is_unknown = self._online(rows, keys) if is_now else self._past(rows, instants)
        for name, column in keys.items():
            found = found.append_column(_KEY + name, column)
        reason = f"there is no {self._plan.entity} with these keys"
        return found, dict.fromkeys(np.flatnonzero(is_unknown).tolist(), reason)

    def _online(
        self, rows: pa.Table, keys: Mapping[str, pa.Array]
    ) -> tuple[pa.Table, NDArray[np.bool_]]:
        """What the predict function would read now."""
        given = spines.given(self._service, Rows(rows, "row"))
        types = {name: _served(self._service.types[name].arrow()) for name in self._plan.names}
        schema = pa.schema({**types, names.FEATURES_AS_OF: spines.INSTANT})
        inputs = [*keys.values(), *given.values()]
        try:
            found, is_unknown = self._store.read(inputs, self._context.now, schema)
        except FeatureError as error:  # Of one row; the others have an answer.
            raise InputError(str(error)) from error
        return found.rename_columns([*types, _KEY + AS_OF]), is_unknown

    def _past(self, rows: pa.Table, instants: Sequence[str]) -> tuple[pa.Table, NDArray[np.bool_]]:
        """Features point in time, by the query that training sets are made by."""
        context = self._context
        known = [name for name in (names.KNOWN_BY,) if name in rows.column_names]
        spine = rows.select([*self.reads, *instants, *known])
        if not instants:
            as_of = pa.array([context.as_of] * rows.num_rows, spines.INSTANT)
            spine = spine.append_column(names.AS_OF, as_of)
        named, lake = Rows(spine, "row"), context.application.lake
        engine = bootstrap.engine("duckdb")
        found = retrieve.retrieve(self._service, engine, lake, named, context.known_by)
        features = {n: found.table[n] for n in self._plan.names}
        plain = {n: _as_served(each) for n, each in features.items()}
        as_of = spines.read(self._service, named).as_of
        refuses = self._contents.manifest.get("cold_start") != "answer"
        known_rows = found.has_history.to_numpy(zero_copy_only=False)
        is_unknown = ~known_rows if refuses else np.zeros(len(as_of), bool)
        return pa.table({**plain, _KEY + AS_OF: as_of}), is_unknown


_KEY = "_key_"
_OVERFLOW = "the model's answer to these values is no finite number"


def given_values(rows: Rows, name: str, kind: DataType) -> pa.Array:
    """A column of feature values in their type; an array as a list, or as JSON text.

    Raises InputError naming the row and column of what is none.
    """
    if not kind.is_array:
        return _as_served(spines.typed_column(rows, name, kind, "the feature"))
    found = []
    for row, value in enumerate(rows.table[name].to_pylist()):
        value = json.loads(value) if isinstance(value, str) else value
        if value is not None and not _are_numbers(value, kind.size):
            raise InputError(f"{rows.where(row)}: {name} is not a list of {kind.size} numbers")
        found.append(value)
    return pa.array(found, kind.arrow())


def _are_numbers(value: Any, count: int) -> bool:
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(type(each) in (int, float) for each in value)


def _served(kind: pa.DataType) -> pa.DataType:
    """Decimals are read as doubles, as serving reads them."""
    return pa.float64() if pa.types.is_decimal(kind) else kind


def _as_served(column: Any) -> Any:
    """A column as serving reads it; a decimal by its text, as Arrow's own cast rounds twice."""
    if pa.types.is_decimal(column.type):
        return column.cast(pa.string()).cast(pa.float64())
    return column


def _columns(table: pa.Table) -> dict[str, Any]:
    return {name: table[name] for name in table.column_names}


def _record(
    application: Application, params: ReleaseModelParams, context: PartContext
) -> ReleaseRecord:
    """The release that is meant; a champion is the one of the batch's instant.

    A run that goes on has the release that it was begun with.
    """
    asked = str(context.begun.get("model", {}).get("release", params.release))
    model = application.project.model_name(params.model, asked)
    if asked == CHAMPION:
        champion = application.champion(model, context.as_of)
        return application.ledger.find_release(model, champion.release)
    if asked == CHALLENGER:
        return _challenger(application, model)
    return application.ledger.find_release(model, asked)


def _challenger(application: Application, model: str) -> ReleaseRecord:
    """The newest release, where it is not in production."""
    champion, records = application.ledger.champion(model), application.ledger.releases(model)
    if not records or (champion and champion.release == records[0].release):
        raise NotFoundError(f"model '{model}' has no challenger; name a release, or train one")
    return records[0]
