"""Every problem of a schema, and of data against it, found before any training starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type
from synthohive_py.errors import DataError, Problem
from synthohive_py.frames import to_arrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from synthohive_py.schema import ForeignKey, Metadata, TableConfig

__all__ = ["can_be_cut", "find_problems"]


def find_problems(
    metadata: Metadata, data: Mapping[str, pa.Table | pd.DataFrame] | None = None
) -> list[Problem]:
    """Every problem, in the order of the tables.

    Args:
        metadata: The declarations.
        data: The real tables; without them only the declarations are checked.
    """
    problems = list(_schema_problems(metadata))
    if data is None or problems:
        # Data checks follow the declared keys, so broken declarations come first.
        return problems
    tables: dict[str, pa.Table] = {}
    problems += [
        Problem(
            "has data but is not declared",
            table=name,
            received=f"declared tables {sorted(metadata.tables)}",
            remedy=f"add it with metadata.add_table({name!r}, ...), or leave its data out",
        )
        for name in data
        if name not in metadata.tables
    ]
    for name in metadata.modelled:
        if name not in data:
            problems.append(
                Problem(
                    "is declared but has no data",
                    table=name,
                    received=f"data for {sorted(data)}",
                    remedy="pass its rows, or declare it with mode='skip'",
                )
            )
            continue
        try:
            tables[name] = to_arrow(data[name], name)
        except DataError as error:
            problems.append(error.problem)
    for name, table in tables.items():
        problems.extend(_table_problems(metadata.tables[name], table))
    broken = {problem.table for problem in problems}
    for name, table in tables.items():
        for key in metadata.tables[name].foreign_keys:
            if key.parent in tables and not broken & {name, key.parent}:
                problems.extend(_link_problems(name, key, table, tables[key.parent]))
    return problems


# ---------------------------------------------------------------- declarations


def _schema_problems(metadata: Metadata) -> Iterator[Problem]:
    if not metadata.modelled:
        yield Problem(
            "no table is declared", remedy="declare tables with metadata.add_table(name, pk=..., fk=...)"
        )
    for name, table in metadata.modelled.items():
        for key in table.foreign_keys:
            yield from _parent_problems(metadata, name, key)
    for cycle in _uncuttable_cycles(metadata):
        yield Problem(
            f"refers to itself through {' -> '.join([*cycle, cycle[0]])}, and each of these foreign keys "
            "lies inside the primary key of its table",
            table=cycle[0],
            expected="one foreign key of the cycle with a column outside its table's primary key",
            remedy="remove one of the foreign keys, or set one of the tables to mode='reference'",
        )


def _parent_problems(metadata: Metadata, name: str, key: ForeignKey) -> Iterator[Problem]:
    columns = ", ".join(key.columns)
    parent = metadata.get_table(key.parent)
    if parent is None:
        yield Problem(
            f"refers to the unknown table {key.parent!r}",
            table=name,
            column=columns,
            expected=f"one of {sorted(metadata.tables)}",
            remedy=f"declare {key.parent!r}, or remove this foreign key",
        )
    elif parent.mode == "skip":
        yield Problem(
            f"refers to the skipped table {key.parent!r}",
            table=name,
            column=columns,
            remedy=f"set {key.parent!r} to mode='reference' or 'synthesize', or remove this foreign key",
        )


def can_be_cut(table: TableConfig, key: ForeignKey) -> bool:
    """Whether the key can be filled after its table exists: some column of it is not in the primary key."""
    return table.mode == "reference" or not set(key.columns) <= set(table.pk)


def _uncuttable_cycles(metadata: Metadata) -> Iterator[list[str]]:
    """Cycles made only of foreign keys that can't be cut."""
    edges = {
        name: [
            key.parent
            for key in table.foreign_keys
            if key.parent in metadata.modelled and not can_be_cut(table, key)
        ]
        for name, table in metadata.modelled.items()
    }
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return None
        for parent in edges[name]:
            cycle = visit(parent, [*path, name])
            if cycle:
                return cycle
        done.add(name)
        return None

    for name in edges:
        cycle = visit(name, [])
        if cycle:
            yield cycle
            return


# ---------------------------------------------------------------- one table


def _table_problems(config: TableConfig, table: pa.Table) -> Iterator[Problem]:
    if not table.num_columns:
        yield Problem("has no columns", table=config.name, remedy="declare it with mode='skip'")
    missing = [c for c in _named_columns(config) if c not in table.column_names]
    for column in missing:
        yield Problem(
            "is declared but not in the data",
            table=config.name,
            column=column,
            received=f"the columns {table.column_names}",
            remedy="correct the name (names are case-sensitive)",
        )
    if missing:
        return
    for name in table.column_names:
        yield from _column_problems(config, name, table.column(name))
    if config.order_by:
        yield from _order_problems(config, config.order_by, table.column(config.order_by))
    for columns in config.unique_sets:
        yield from _unique_problems(config, columns, table)


def _order_problems(config: TableConfig, name: str, column: pa.ChunkedArray) -> Iterator[Problem]:
    """Whether the rows of one parent can be sorted by the declared column."""
    import pyarrow as pa

    t, in_keys = pa.types, {c for key in config.foreign_keys for c in key.columns}
    is_sortable = t.is_integer(column.type) or t.is_date(column.type) or t.is_timestamp(column.type)
    if not config.foreign_keys:
        problem, wanted = "is order_by of a table without foreign keys", "a table whose rows have parents"
    elif name in in_keys:
        problem, wanted = "is order_by and part of a foreign key", "a column of the table's own"
    elif not is_sortable:
        problem, wanted = f"is order_by but of type {column.type}", "a date, a timestamp or a whole number"
    elif column.null_count:
        problem, wanted = f"is order_by but holds {column.null_count} nulls", "a column without nulls"
    elif (name,) in config.unique_sets:
        problem, wanted = "is order_by and a key by itself", "a column that is drawn, not a computed key"
    else:
        return
    yield Problem(
        problem,
        table=config.name,
        column=name,
        expected=wanted,
        remedy="name another column, or leave order_by out: the order is then found in the data",
    )


def _named_columns(config: TableConfig) -> list[str]:
    """Every column that the declaration names."""
    names = [*config.pk, *config.constraints, *config.accepted_values]
    names += [c for columns in config.unique for c in columns]
    names += [c for key in config.foreign_keys for c in key.columns]
    names += [config.order_by] if config.order_by else []
    names += [c for clause in config.clauses for c in clause.own]
    return list(dict.fromkeys(names))


def _column_problems(config: TableConfig, name: str, column: pa.ChunkedArray) -> Iterator[Problem]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if config.mode == "reference":
        return
    if _family(column.type) is None:
        yield Problem(
            f"has the type {column.type}, which can't be learned",
            table=config.name,
            column=name,
            expected="numbers, booleans, text, bytes, dates, times, lists or structs",
            remedy="convert the column to text, or leave it out",
        )
        return
    if pa.types.is_floating(column.type) and pc.any(pc.is_inf(column)).as_py():
        count = pc.sum(pc.is_inf(column)).as_py()
        yield Problem(
            "holds infinite values",
            table=config.name,
            column=name,
            expected="finite numbers or nulls",
            received=f"{count} infinite of {len(column)} values",
            remedy="replace them by null, or by the largest value that has a meaning",
        )
    if name in config.constraints:
        yield from _constraint_problems(config, name, column)


def _constraint_problems(config: TableConfig, name: str, column: pa.ChunkedArray) -> Iterator[Problem]:
    import pyarrow.compute as pc

    rule = config.constraints[name]
    if _family(column.type) != "number":
        yield Problem(
            f"has a constraint but is of type {column.type}",
            table=config.name,
            column=name,
            expected="a numeric column",
            remedy="remove the constraint",
        )
        return
    values = column.cast("float64", safe=False)
    low, high = (pc.min(values).as_py(), pc.max(values).as_py())
    below = rule.min is not None and low is not None and low < rule.min
    above = rule.max is not None and high is not None and high > rule.max
    if below or above:
        yield Problem(
            "breaks its own constraint in the real data",
            table=config.name,
            column=name,
            expected=f"values from {rule.min} to {rule.max}",
            received=f"values from {low} to {high}",
            remedy="widen the constraint, or clean the rows",
        )


def _unique_problems(config: TableConfig, columns: tuple[str, ...], table: pa.Table) -> Iterator[Problem]:
    import pyarrow.compute as pc

    is_primary = columns == config.pk
    what = "primary key" if is_primary else "unique combination"
    joined = ", ".join(columns)
    nulls = {c: table.column(c).null_count for c in columns if table.column(c).null_count}
    if is_primary and nulls:
        yield Problem(
            "the primary key holds nulls",
            table=config.name,
            column=joined,
            received=", ".join(f"{count} nulls in {c}" for c, count in nulls.items()),
            remedy="remove these rows, or declare another primary key",
        )
    keys = table.select(list(columns)).drop_null()
    groups = keys.group_by(list(columns)).aggregate([([], "count_all")])
    repeated = groups.filter(pc.greater(groups.column("count_all"), 1))
    if repeated.num_rows:
        rows = pc.sum(repeated.column("count_all")).as_py()
        # Counts only: a message is no place for real values.
        yield Problem(
            f"the {what} is not unique",
            table=config.name,
            column=joined,
            received=f"{repeated.num_rows} values on {rows} of {table.num_rows} rows",
            remedy=f"remove the repeated rows, or declare another {what}",
        )


# ---------------------------------------------------------------- foreign keys


def _link_problems(name: str, key: ForeignKey, child: pa.Table, parent: pa.Table) -> Iterator[Problem]:
    joined = ", ".join(key.columns)
    absent = [c for c in key.parent_columns if c not in parent.column_names]
    if absent:
        yield Problem(
            f"refers to a column that {key.parent!r} does not have",
            table=name,
            column=joined,
            expected=f"one of {parent.column_names}",
            received=", ".join(absent),
            remedy="correct the foreign key's parent column",
        )
        return
    referring = child.select(list(key.columns)).drop_null().num_rows
    if not parent.num_rows and referring and key.orphans == "drop":
        yield Problem(
            f"refers to {key.parent!r}, which has no rows",
            table=name,
            column=joined,
            received=f"{referring} of {child.num_rows} rows that refer to it",
            remedy=f"load the data of {key.parent!r} first, or keep such rows with orphans='keep'",
        )
        return
    for column, parent_column in zip(key.columns, key.parent_columns, strict=True):
        ours, theirs = child.column(column).type, parent.column(parent_column).type
        if _family(ours) != _family(theirs) and not _all_null(child.column(column)):
            yield Problem(
                "has another type than the key it refers to",
                table=name,
                column=column,
                expected=f"{theirs} as in {key.parent}.{parent_column}",
                received=str(ours),
                remedy="give both ends one type (cast one of them where the data is loaded)",
            )
    keys = parent.select(list(dict.fromkeys(key.parent_columns))).drop_null()
    distinct = keys.group_by(keys.column_names).aggregate([]).num_rows
    if distinct < keys.num_rows:
        yield Problem(
            f"refers to columns of {key.parent!r} that are not unique",
            table=name,
            column=joined,
            expected=f"unique {key.parent}({', '.join(key.parent_columns)})",
            received=f"{keys.num_rows - distinct} repeated keys",
            remedy="refer to the parent's primary key, or to a unique combination",
        )


def _all_null(column: pa.ChunkedArray) -> bool:
    return column.null_count == len(column)


def _family(kind: pa.DataType) -> str | None:
    """The family of a type: two ends of a key must share it. None: a type that can't be learned."""
    import pyarrow as pa

    checks: list[tuple[str, Callable[[pa.DataType], bool]]] = [
        ("number", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("number", pa.types.is_decimal),
        ("boolean", pa.types.is_boolean),
        ("text", pa.types.is_string),
        ("text", pa.types.is_large_string),
        ("text", pa.types.is_string_view),
        ("date", pa.types.is_date),
        ("datetime", pa.types.is_timestamp),
        ("time", pa.types.is_time),
        ("duration", pa.types.is_duration),
        ("null", pa.types.is_null),
        ("bytes", is_bytes_type),
        ("nested", is_nested_type),
    ]
    return next((family for family, check in checks if check(kind)), None)
