"""A service's features as SQL over what its views give and what came with the question."""

from collections.abc import Mapping

from hindcast import names
from hindcast.compiler import arithmetic
from hindcast.compiler.dialects import Dialect
from hindcast.compiler.service import CompiledService
from hindcast.datatypes import DOUBLE


def expressions(
    service: CompiledService, dialect: Dialect, columns: Mapping[str, str], as_of: str
) -> dict[str, str]:
    """Feature -> SQL, in the service's order.

    columns: feature of a view, or value sent with the question -> its SQL. as_of: the SQL of the
    instant that derived features are evaluated at.
    """
    known = {**columns, names.AS_OF: as_of}
    for feature in service.derived:  # Each may read those before it.
        sql = dialect.cast(dialect.render(feature.tree, service.types, known), feature.datatype)
        if feature.datatype == DOUBLE:
            sql = arithmetic.finite(dialect.name, sql)
        known[feature.name] = f"({sql})"
    return {name: known[name] for name in service.names}


def selects(
    service: CompiledService, dialect: Dialect, columns: Mapping[str, str], as_of: str
) -> list[str]:
    """Select items of the features, each under its name."""
    found = expressions(service, dialect, columns, as_of)
    return [f"{sql} AS {dialect.quote(name)}" for name, sql in found.items()]
