"""PostgreSQL's catalog: the tables of a schema and their keys, and what a twin's table is tied to."""

from __future__ import annotations

import logging
from collections.abc import Collection

from synthohive_py.connectors.base import Place, Relation
from synthohive_py.connectors.postgres_door import Session
from synthohive_py.connectors.reflection import Reflected
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey

__all__ = ["check_ties", "kind_of_old", "reflected"]

logger = logging.getLogger(__name__)

TABLES = """
select c.relname::text as name, has_table_privilege(c.oid, 'select') as is_readable
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition
    and has_schema_privilege(n.oid, 'usage')
order by c.relname
"""
UNIQUE = """
select
    c.relname::text as name, i.indisprimary as is_primary,
    array(
        select a.attname::text
        from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and k.attnum = a.attnum
        where k.place <= i.indnkeyatts
        order by k.place
    ) as columns
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on i.indrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
order by c.relname, i.indexrelid
"""
# Those of partitions repeat their table's. One that was never validated may not hold.
FOREIGN_KEYS = """
select
    c.relname::text as name, p.relname::text as parent,
    array(
        select a.attname::text
        from unnest(f.conkey) with ordinality as k (attnum, place)
        inner join pg_catalog.pg_attribute as a on a.attrelid = f.conrelid and k.attnum = a.attnum
        order by k.place
    ) as columns,
    array(
        select a.attname::text
        from unnest(f.confkey) with ordinality as k (attnum, place)
        inner join pg_catalog.pg_attribute as a on a.attrelid = f.confrelid and k.attnum = a.attnum
        order by k.place
    ) as parent_columns
from pg_catalog.pg_constraint as f
inner join pg_catalog.pg_class as c on f.conrelid = c.oid
inner join pg_catalog.pg_class as p on f.confrelid = p.oid and c.relnamespace = p.relnamespace
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and f.contype = 'f' and f.conparentid = 0 and f.convalidated
order by c.relname, f.conname
"""
KIND = """
select c.relkind::text as kind
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and c.relname = $2
"""

# What deleting a table's rows, or dropping it, would reach: the table that it is part of, the tables that are
# part of it, and those whose keys to it delete or change rows.
TIES = """
with recursive
target as (
    select c.oid
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = $1 and c.relname = $2
),
below as (
    select i.inhrelid as oid from pg_catalog.pg_inherits as i inner join target on i.inhparent = target.oid
    union
    select i.inhrelid from pg_catalog.pg_inherits as i inner join below on i.inhparent = below.oid
),
tied as (
    select i.inhparent as oid, 'above' as how
    from pg_catalog.pg_inherits as i
    inner join target on i.inhrelid = target.oid
    union all
    select below.oid, 'below' from below
    union all
    select f.conrelid, 'key'
    from pg_catalog.pg_constraint as f
    inner join target on f.confrelid = target.oid
    where f.contype = 'f' and f.confdeltype in ('c', 'd', 'n')
),
final as (
    select distinct tied.how, n.nspname::text as schema, c.relname::text as name
    from tied
    inner join pg_catalog.pg_class as c on tied.oid = c.oid
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
)
select * from final order by how, schema, name
"""


def reflected(session: Session, schema: str) -> dict[str, Reflected]:
    """The tables of a schema that this user may read, with their keys; a warning names the others."""
    listed = session.ask(TABLES, schema)
    tables = {row["name"]: Reflected() for row in listed if row["is_readable"]}
    for row in session.ask(UNIQUE, schema):
        table, columns = tables.get(row["name"], Reflected()), tuple(row["columns"])
        if row["is_primary"]:
            table.pk = columns
        else:
            table.unique.append(columns)
    for row in session.ask(FOREIGN_KEYS, schema):
        key = ForeignKey(
            columns=tuple(row["columns"]),
            parent=row["parent"],
            parent_columns=tuple(row["parent_columns"]),
        )
        tables.get(row["name"], Reflected()).foreign_keys.append(key)
    for row in listed:
        if not row["is_readable"]:
            _warn_of_hidden(schema, row["name"], tables)
    return tables


def _warn_of_hidden(schema: str, name: str, tables: dict[str, Reflected]) -> None:
    lost = [
        f"{child} ({', '.join(key.columns)})"
        for child, table in tables.items()
        for key in table.foreign_keys
        if key.parent == name
    ]
    logger.warning(
        "%s.%s is left out: this user may not read it (grant select on it)%s",
        *(schema, name, f"; its keys are lost: {', '.join(lost)}" if lost else ""),
    )


def kind_of_old(session: Session, target: Relation) -> str | None:
    """What there is in the twin's place.

    Raises:
        ConnectorError: It is no table.
    """
    found = session.ask(KIND, target.schema, target.identifier)
    if found and found[0]["kind"] not in ("r", "p"):
        raise ConnectorError(
            "what stands in the twin's place is no table; no twin was changed",
            table=str(target),
            expected="a table, or nothing",
            remedy="drop it, or give the twin another schema",
        )
    return found[0]["kind"] if found else None


def check_ties(session: Session, target: Relation, places: Collection[Place]) -> None:
    """Refuse to replace the rows of an old twin where that would reach rows of other tables.

    Args:
        session: The connection.
        target: The old twin's table.
        places: All that is written.

    Raises:
        ConnectorError: It would; the message names the other table.
    """
    real = {(place.source.schema, place.source.identifier) for place in places if place.source}
    twins = {(place.target.schema, place.target.identifier) for place in places}
    for row in session.ask(TIES, target.schema, target.identifier):
        other = (row["schema"], row["name"])
        if row["how"] == "above":
            what, remedy = "the old twin is part of another table", "detach it"
        elif row["how"] == "below" and other in real:
            what, remedy = "a real table is part of the old twin", "detach that"
        elif row["how"] == "key" and other not in twins:
            what = "a foreign key would delete or change rows of another table"
            remedy = "drop that key, or what it does on delete"
        else:
            continue
        raise ConnectorError(
            f"{what}; no twin was changed",
            table=str(target),
            received=str(Relation(target.database, *other)),
            remedy=f"{remedy}, or give the twin another schema",
        )
