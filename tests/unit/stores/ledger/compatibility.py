"""What a revision of the ledger may do, read from its SQL: add, and leave what is there alone."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

# Statements that drop what no version uses any more, each with its reason; see the README.
ALLOWED: dict[str, str] = {}

# Triggers of the newer schema on tables that are there, which refuse nothing: the database's own
# instant in place of a writer's, and an entry in a table that no writer knows.
_ALLOWED_TRIGGERS = re.compile(
    r"CREATE TRIGGER STAMP BEFORE INSERT ON \S+ FOR EACH ROW EXECUTE FUNCTION LEDGER.STAMP\(''\)"
    r"|CREATE CONSTRAINT TRIGGER CHAIN AFTER INSERT ON \S+ DEFERRABLE INITIALLY DEFERRED "
    r"FOR EACH ROW EXECUTE FUNCTION LEDGER.CHAIN_ROW\((''(, )?)+\)"
)
_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_NOISE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_NEW = re.compile(r"CREATE (TABLE|FUNCTION|SEQUENCE|TYPE|VIEW|ROLE|SCHEMA) (\S+)")
_HARMLESS = re.compile(r"(CREATE INDEX|COMMENT ON|GRANT) ")
# What changes a table: the name of it, and for ALTER TABLE what is done.
_ON_TABLE = re.compile(
    r"(?:ALTER TABLE (?P<altered>\S+) (?P<change>.*)"
    r"|CREATE UNIQUE INDEX \S+ ON (?P<indexed>\S+) .*"
    r"|CREATE TRIGGER \S+ (?:BEFORE|AFTER) .*? ON (?P<guarded>\S+) .*)"
)
_ADD_COLUMN = re.compile(r"ADD COLUMN \S+ (?P<rest>.*)")
_HIDDEN = re.compile(r"\b(DROP|ALTER|RENAME|TRUNCATE|DELETE|UPDATE|INSERT|REVOKE)\b")


@dataclass(frozen=True)
class Statement:
    """One statement in one line of capitals; body: what it quotes between dollars."""

    text: str
    body: str = ""


def statements(upgrade: Callable[[], None]) -> Iterator[Statement]:
    """What a revision's upgrade would send."""
    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer}
    )
    with Operations.context(context):
        upgrade()
    bodies: list[str] = []

    def keep(found: re.Match[str]) -> str:
        bodies.append(_NOISE.sub("''", found[0]).upper())
        return f"BODY{len(bodies)}"

    text = _NOISE.sub("''", _BODY.sub(keep, buffer.getvalue())).upper()
    for part in text.split(";"):
        if line := " ".join(part.split()):
            number = re.search(r"BODY(\d+)", line)
            yield Statement(line, bodies[int(number[1]) - 1] if number else "")


def breaches(upgrade: Callable[[], None], first: bool = False) -> list[str]:
    """The statements by which a revision breaks what the version before does.

    first: whether it is the one that nothing came before.
    """
    made: set[str] = set()
    found = []
    for statement in statements(upgrade):
        new = _NEW.match(statement.text)
        if new:
            made.add(new[2].partition("(")[0])
        elif not _is_harmless(statement, made, first):
            found.append(statement.text)
    return [text for text in found if text not in ALLOWED]


def _is_harmless(statement: Statement, made: set[str], first: bool) -> bool:
    text = statement.text
    if _HARMLESS.match(text):
        return True
    if text.startswith("DO "):
        return _HIDDEN.search(statement.body) is None
    if text.startswith("REVOKE "):
        return first or text.partition("FUNCTION ")[2].partition("(")[0] in made
    if _ALLOWED_TRIGGERS.fullmatch(text):
        return True
    changed = _ON_TABLE.fullmatch(text)
    if changed is None:
        return False
    table = changed["altered"] or changed["indexed"] or changed["guarded"]
    return table in made or _is_addition(changed["change"] or "")


def _is_addition(change: str) -> bool:
    """Whether ALTER TABLE adds a column that a writer need not know of.

    A default would change the rows that are there, which the chain has digests of.
    """
    column = _ADD_COLUMN.fullmatch(change)
    if column is None:
        return False
    forbidden = r"\b(NOT NULL|DEFAULT|GENERATED|UNIQUE|PRIMARY KEY|CHECK)\b|,"
    return re.search(forbidden, column["rest"]) is None
