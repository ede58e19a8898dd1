"""Names and texts as SQL has them; whatever puts one into a statement does so by these."""

from sqlglot import exp


def identifier(name: str, dialect: str = "duckdb") -> str:
    """A name of a column or relation, in the quotes of a dialect."""
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def literal(text: str, dialect: str = "duckdb") -> str:
    """A text in quotes."""
    return exp.Literal.string(text).sql(dialect=dialect)
