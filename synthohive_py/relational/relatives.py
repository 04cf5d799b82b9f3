"""The parents of each row that rules may be about: along keys that are filled together with the rows."""

from __future__ import annotations

from collections.abc import Mapping

from synthohive_py.plan import Link
from synthohive_py.relational.prepare import Prepared
from synthohive_py.relational.world import Generated, World
from synthohive_py.rules import Relatives

__all__ = ["parent_columns", "relatives_in", "relatives_of"]


def relatives_of(p: Prepared, driver: Link | None, prepared: Mapping[str, Prepared]) -> Relatives:
    """The real parents of a table's real rows.

    Args:
        p: The table.
        driver: The link along which it is generated, if any.
        prepared: All tables.
    """
    along = {
        link.key.columns: Relatives(prepared[link.key.parent].table, p.parents[link.name])
        for link in p.links
        if link.role != "deferred"
    }
    if driver is None:
        return Relatives.none(p.table.num_rows, along)
    return Relatives(prepared[driver.key.parent].table, p.parents[driver.name], along)


def parent_columns(
    p: Prepared, driver: Link | None, prepared: Mapping[str, Prepared]
) -> dict[tuple[str, ...], list[str]]:
    """Per key to a parent, that one's columns that are no keys; under no columns those of the driver."""
    found = {}
    for link in p.links:
        above, is_driver = prepared[link.key.parent], link is driver
        keys = {column for further in above.links for column in further.key.columns}
        if is_driver or (link.role != "deferred" and not (driver and link.key.columns == driver.key.columns)):
            names = above.table.column_names if above.config.mode == "reference" else above.codec.names
            columns = [column for column in names if column not in {*keys, *above.keys}]
            found[() if is_driver else link.key.columns] = columns
    return found


def relatives_in(world: World, name: str, generated: Generated) -> Relatives:
    """The generated parents of generated rows.

    Args:
        world: The tables so far.
        name: The table.
        generated: Its rows.
    """
    rules = world.fitted.rules_of(name)
    return rules.relatives(generated.rows, {parent: world.tables[parent].rows for parent in rules.parents})
