"""Every problem of a schema, and of data against it, found before any training starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type
from synthohive_py.errors import DataError, Problem, did_you_mean
from synthohive_py.frames import check_tables, to_arrow
from synthohive_py.joins import ORPHAN, comparable, parent_rows
from synthohive_py.uuids import with_key_texts

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from synthohive_py.schema import Constraint, ForeignKey, Metadata, TableConfig

__all__ = ["can_be_cut", "can_be_key", "find_problems", "key_problems"]

HEADROOM = 10  # times as many keys as the real ones: the column that refers to them has to hold those, too


def find_problems(
    metadata: Metadata, data: Mapping[str, pa.Table | pd.DataFrame] | None = None
) -> list[Problem]:
    """Every problem, in the order of the tables.

    Args:
        metadata: The declarations.
        data: The real tables; without them only the declarations are checked.

    Raises:
        DataError: The data are no tables by name.
    """
    if data is not None:
        check_tables(data)
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
            remedy=did_you_mean(name, [n for n in metadata.tables if n not in data])
            or f"add it with metadata.add_table({name!r}, ...), or leave its data out",
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
    tables = with_key_texts(metadata, tables)
    for name, table in tables.items():
        problems.extend(_table_problems(metadata.tables[name], table))
    broken = {problem.table for problem in problems}
    for name in tables:
        for key in metadata.tables[name].foreign_keys:
            if key.parent in tables and not broken & {name, key.parent}:
                problems.extend(_link_problems(metadata, name, key, tables))
    return problems


def key_problems(metadata: Metadata, tables: Mapping[str, pa.Table]) -> Iterator[Problem]:
    """What is wrong with the keys of a twin: nulls, repeated ones, references to no parent.

    Args:
        metadata: The declarations.
        tables: The rows of every modelled table, with the real columns and types.
    """
    for name, table in tables.items():
        config = metadata.tables[name]
        for columns in config.unique_sets:
            yield from _unique_problems(config, columns, table)
        for key in config.foreign_keys if config.mode == "synthesize" else ():
            rows = parent_rows(table, key.columns, tables[key.parent], key.parent_columns)
            orphans = int((rows == ORPHAN).sum())
            if orphans and key.orphans == "drop":
                yield Problem(
                    f"refers to rows of {key.parent!r} that are not there",
                    table=name,
                    column=", ".join(key.columns),
                    received=f"{orphans} of {table.num_rows} rows",
                )


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
            remedy=did_you_mean(key.parent, metadata.tables)
            or f"declare {key.parent!r}, or remove this foreign key",
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
        yield Problem(
            "has no columns", table=config.name, remedy="pass its rows, or declare it with mode='skip'"
        )
        return
    missing = [c for c in _named_columns(config) if c not in table.column_names]
    for column in missing:
        yield Problem(
            "is declared but not in the data",
            table=config.name,
            column=column,
            received=f"the columns {table.column_names}",
            remedy=did_you_mean(column, table.column_names) or "correct the name (names are case-sensitive)",
        )
    if missing:
        return
    for name in table.column_names:
        yield from _column_problems(config, name, table.column(name))
    if config.order_by:
        yield from _order_problems(config, config.order_by, table.column(config.order_by))
    foreign = [c for key in config.foreign_keys for c in key.columns]
    keys = {c for columns in config.unique_sets for c in columns}
    unfit = [c for c in dict.fromkeys([*keys, *foreign]) if not can_be_key(table.column(c).type)]
    for name in unfit:
        yield Problem(
            f"is part of a key but of type {table.column(name).type}",
            table=config.name,
            column=name,
            expected="whole numbers, decimals, text, bytes, dates or times",
            remedy="convert the column, for example to text, or leave it out of the key",
        )
    for columns in config.unique_sets:
        if not set(columns) & {*unfit}:
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
    names += [*config.pii_cols, *config.public_cols]
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
    if name in (*config.constraints, *config.accepted_values) and _is_computed(config, name, column):
        yield Problem(
            "is unique by itself, so its values are computed and keep to no constraint or accepted values",
            table=config.name,
            column=name,
            remedy="remove what is declared of its values (in dbt, set config.meta.synthohive.ignore: true "
            "on the test)",
        )
        return
    if name in config.constraints:
        yield from _constraint_problems(config, name, column)
    if name in config.accepted_values and not _all_null(column):
        yield from _domain_problems(config, name, column)


def _is_computed(config: TableConfig, name: str, column: pa.ChunkedArray) -> bool:
    """Whether the column is a key by itself, and not one of another table."""
    is_foreign = any(name in key.columns for key in config.foreign_keys)
    return (name,) in config.unique_sets and not is_foreign and not column.null_count


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
            expected=_bounds(rule),
            received=f"values from {low} to {high}",
            remedy="widen the constraint, or clean the rows",
        )
    broken = pc.sum(pc.not_equal(values, pc.round(values))).as_py() if rule.dtype == "int" else 0
    if broken:
        yield Problem(
            "breaks its own constraint in the real data",
            table=config.name,
            column=name,
            expected="whole numbers (dtype 'int')",
            received=f"{broken} of {len(column)} values that are none",
            remedy="remove dtype from the constraint, or round the column where the data is loaded",
        )


def _bounds(rule: Constraint) -> str:
    if rule.max is None:
        return f"values of at least {rule.min}"
    return f"values of at most {rule.max}" if rule.min is None else f"values from {rule.min} to {rule.max}"


def _domain_problems(config: TableConfig, name: str, column: pa.ChunkedArray) -> Iterator[Problem]:
    """Whether the accepted values can be values of the column, and are all that it has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if _family(column.type) in ("bytes", "nested"):
        yield Problem(
            f"has accepted values but is of type {column.type}",
            table=config.name,
            column=name,
            expected="numbers, booleans, text, dates or times",
            remedy="remove accepted_values",
        )
        return
    accepted = [_read_as(value, column.type) for value in config.accepted_values[name]]
    wrong = [repr(v) for v, read in zip(config.accepted_values[name], accepted, strict=True) if read is None]
    if wrong:
        yield Problem(
            "accepts values that it can't hold",
            table=config.name,
            column=name,
            expected=f"values of type {column.type}",
            received=", ".join(wrong)[:120],
            remedy="correct accepted_values",
        )
        return
    known = pc.is_in(
        column.drop_null(), value_set=pa.array([v.as_py() for v in accepted if v is not None], column.type)
    )
    others = len(known) - (pc.sum(known).as_py() or 0)
    if others:
        yield Problem(
            "holds other values than accepted_values says",
            table=config.name,
            column=name,
            received=f"{others} of {len(column)} rows with others",
            remedy="add these values, clean the rows, or remove accepted_values (in dbt, set "
            "config.meta.synthohive.ignore: true on the test)",
        )


def _read_as(value: object, kind: pa.DataType) -> pa.Scalar | None:
    """The value as the column has it: a date may be declared as text, a decimal as a float."""
    import pyarrow as pa

    try:
        return pa.scalar(value).cast(kind)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None


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
    counts = _key_counts(table, columns)
    repeated = counts.filter(pc.greater(counts, 1))
    if len(repeated):
        rows = pc.sum(repeated).as_py()
        # Counts only: a message is no place for real values.
        yield Problem(
            f"the {what} is not unique",
            table=config.name,
            column=joined,
            received=f"{len(repeated)} values on {rows} of {table.num_rows} rows",
            remedy=f"remove the repeated rows, or declare another {what}",
        )


def _key_counts(table: pa.Table, columns: Sequence[str]) -> pa.ChunkedArray:
    """On how many rows each key without a null is."""
    # Numbers for names: Arrow reads a name such as ".id" as a path.
    places = [str(i) for i in range(len(columns))]
    keys = table.select(list(columns)).rename_columns(places).drop_null()
    return keys.group_by(places).aggregate([([], "count_all")]).column("count_all")


# ---------------------------------------------------------------- foreign keys


def _link_problems(
    metadata: Metadata, name: str, key: ForeignKey, tables: Mapping[str, pa.Table]
) -> Iterator[Problem]:
    child, parent, joined = tables[name], tables[key.parent], ", ".join(key.columns)
    absent = [c for c in key.parent_columns if c not in parent.column_names]
    if absent:
        yield Problem(
            f"refers to a column that {key.parent!r} does not have",
            table=name,
            column=joined,
            expected=f"one of {parent.column_names}",
            received=", ".join(absent),
            remedy=did_you_mean(absent[0], parent.column_names) or "correct the foreign key's parent column",
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
    modes = metadata.tables[name].mode, metadata.tables[key.parent].mode
    if modes == ("reference", "synthesize") and referring and parent.num_rows:
        yield Problem(
            f"is copied (mode='reference') but refers to {key.parent!r}, whose keys are made anew: no row "
            "would have a parent",
            table=name,
            column=joined,
            remedy=f"declare {key.parent!r} with mode='reference', too, or {name!r} with mode='synthesize'",
        )
        return
    ends = [_end_problem(metadata, name, key, tables, i) for i in range(len(key.columns))]
    yield from (problem for problem in ends if problem)
    if any(ends):
        return
    columns = list(dict.fromkeys(key.parent_columns))
    counts = _key_counts(parent, columns)
    repeated = parent.select(columns).drop_null().num_rows - len(counts)
    if repeated:
        yield Problem(
            f"refers to columns of {key.parent!r} that are not unique",
            table=name,
            column=joined,
            expected=f"unique {key.parent}({', '.join(key.parent_columns)})",
            received=f"{repeated} repeated keys",
            remedy="refer to the parent's primary key, or to a unique combination",
        )


def _end_problem(
    metadata: Metadata, name: str, key: ForeignKey, tables: Mapping[str, pa.Table], place: int
) -> Problem | None:
    """Whether a column of a foreign key can be compared with that of the parent, and hold its values."""
    import pyarrow as pa

    column, parent_column = key.columns[place], key.parent_columns[place]
    ours, theirs = tables[name].column(column), tables[key.parent].column(parent_column)
    if _all_null(ours) and can_be_key(theirs.type):
        return None
    problem = "has another type than the key it refers to"
    if _family(ours.type) == _family(theirs.type) and can_be_key(theirs.type):
        try:
            comparable(ours, theirs)
            if metadata.tables[name].mode == "reference":
                return None
            theirs.cast(ours.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            problem = "has a type that does not hold every key it refers to exactly"
        else:
            if metadata.tables[key.parent].mode == "reference" or _has_room(ours.type, theirs):
                return None
            problem = "has a type with too little room for the keys that a twin makes"
    return Problem(
        problem,
        table=name,
        column=column,
        expected=f"{theirs.type} as in {key.parent}.{parent_column}",
        received=str(ours.type),
        remedy="give both ends one type (cast one of them where the data is loaded; whole numbers beside "
        "nulls are exact as Int64)",
    )


def _has_room(kind: pa.DataType, keys: pa.ChunkedArray) -> bool:
    """Whether the type holds `HEADROOM` times as many keys as there are."""
    import pyarrow.compute as pc

    room = _whole_numbers(kind)
    theirs = _whole_numbers(keys.type)
    if room is None or theirs is None or (room[0] <= theirs[0] and theirs[1] <= room[1]):
        return True
    ends = pc.min_max(keys.cast("float64", safe=False)).as_py()
    low, high = ends["min"], ends["max"]
    return low is None or (room[0] <= low and low + HEADROOM * (high - low + 1) <= room[1])


def _whole_numbers(kind: pa.DataType) -> tuple[int, int] | None:
    """The least and the largest whole number that the type holds exactly; None for other types."""
    import pyarrow as pa

    if pa.types.is_integer(kind):
        bits = kind.bit_width - pa.types.is_signed_integer(kind)
        return (-(2**bits) if pa.types.is_signed_integer(kind) else 0), 2**bits - 1
    if pa.types.is_floating(kind):
        most = 2 ** {16: 11, 32: 24, 64: 53}[kind.bit_width]
    elif pa.types.is_decimal(kind):
        most = 10 ** (kind.precision - kind.scale) - 1
    else:
        return None
    return -most, most


def can_be_key(kind: pa.DataType) -> bool:
    """Whether values of the type can be compared."""
    import pyarrow as pa

    is_whole = _family(kind) not in (None, "nested")
    return is_whole and not pa.types.is_float16(kind)


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
        ("datetime", lambda k: pa.types.is_timestamp(k) and k.tz is None),
        ("datetime with a zone", pa.types.is_timestamp),
        ("time", pa.types.is_time),
        ("duration", pa.types.is_duration),
        ("null", pa.types.is_null),
        ("bytes", is_bytes_type),
        ("nested", is_nested_type),
    ]
    return next((family for family, check in checks if check(kind)), None)
