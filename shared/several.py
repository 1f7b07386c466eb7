"""Many values as one parameter, so that a statement stays the same however many are given; on both databases.

`column.in_(...)` writes another statement for every number of values, which databases and drivers prepare each time.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Select, Text, bindparam, cast, column, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine


class Several(TypeDecorator[Any]):
    """Values of one type: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """This will choose how the parameter travels."""
        return dialect.type_descriptor(postgresql.ARRAY(self.item) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """This will write the values."""
        if dialect.name == "postgresql":
            return list(value or ())
        write = self.item.dialect_impl(dialect).bind_processor(dialect)
        return json.dumps([write(each) if write else each for each in value or ()])


class Rows(TypeDecorator[Any]):
    """A list of rows whose values JSON knows: text and whole numbers."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[Mapping[str, Any]] | None, dialect: Dialect) -> str:
        """This will write the rows."""
        del dialect
        return json.dumps(list(value or ()))


class each_of(GenericFunction[Any]):  # noqa: N801
    """A parameter that is `Several` or `Rows`, as rows."""

    inherit_cache = True


@compiles(each_of, "postgresql")
def _unnest(element: each_of, compiler: Any, **how: Any) -> str:
    given = compiler.process(element.clauses, **how)
    (parameter,) = element.clauses
    return f"jsonb_array_elements(cast({given} as jsonb))" if isinstance(parameter.type, Rows) else f"unnest({given})"


@compiles(each_of, "sqlite")
def _json_each(element: each_of, compiler: Any, **how: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **how)})"


def rows(name: str, /, **kinds: TypeEngine[Any]) -> Select[Any]:
    """This will select the rows of the parameter `name`, a list of mappings with these columns."""
    each = each_of(bindparam(name, type_=Rows())).table_valued(column("value"), name="value").c.value
    return select(*(cast(each.op("->>")(part), kind).label(part) for part, kind in kinds.items())).where(true())


def given(name: str, kind: TypeEngine[Any]) -> Select[Any]:
    """This will select the values of the parameter `name`."""
    values = each_of(bindparam(name, type_=Several(kind))).table_valued(column("value", kind), name="value")
    return select(values.c.value)


def among(found: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """This will say that a column is one of the values of the parameter `name`: `execute(..., {name: ids})`."""
    return found.in_(given(name, found.type))
