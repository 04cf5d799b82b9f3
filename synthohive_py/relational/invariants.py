"""The rules of a table: found when it is learned, kept when it is generated."""

from __future__ import annotations

import numpy as np

from synthohive_py.columns.categorical import CategoricalCodec
from synthohive_py.columns.datetimes import DatetimeCodec
from synthohive_py.columns.derived import DerivedCodec
from synthohive_py.columns.numeric import NumericCodec
from synthohive_py.joins import parent_rows
from synthohive_py.plan import Link
from synthohive_py.relational.gaps import as_type
from synthohive_py.relational.prepare import Prepared
from synthohive_py.relational.world import Generated, World
from synthohive_py.rng import Seed
from synthohive_py.rules import Computed, Depends, Relatives, Repeats, Rule, declared_rules, mine_rules
from synthohive_py.rules.keeping import Keeper
from synthohive_py.rules.kinds import codes_of

__all__ = ["keep_rules", "learn_rules"]

# Their twins have the real values (or numbers near them), so that what follows from a value is known.
_TELLING = (CategoricalCodec, NumericCodec, DatetimeCodec)


def learn_rules(p: Prepared, driver: Link | None, above: Prepared | None, *, threshold: int) -> Keeper:
    """Find the rules of a real table.

    Args:
        p: The table.
        driver: The link along which it is generated, if any.
        above: The parent along that link.
        threshold: Values held by fewer rows than this are never stored.
    """
    codecs = dict(zip(p.codec.names, p.codec.codecs, strict=True))
    computed = {c for c, codec in codecs.items() if isinstance(codec, DerivedCodec)}
    parts = {c for codec in codecs.values() if isinstance(codec, DerivedCodec) for c in codec.parts}
    order = p.order.column if p.order else None
    matched = {c for columns in p.repeated.values() for c in columns}
    held = {*computed, *parts, *p.key_columns, *matched, order}
    free = [c for c in codecs if c not in held]
    links = {c for link in p.links for c in link.key.columns}
    telling = [c for c, codec in codecs.items() if isinstance(codec, _TELLING) and c not in links]
    relatives, theirs = None, []
    if driver is not None and above is not None:
        relatives = Relatives(above.table, p.parents[driver.name])
        theirs = [c for c in above.codec.names if c not in {k for x in above.links for k in x.key.columns}]
    is_strict = bool(p.order and p.order.is_strict)
    declared = declared_rules(
        p.config, p.table, relatives, keys={*links, *p.keys, *p.sequences}, free=free, order=order
    )
    mined = mine_rules(
        p.table,
        columns=[c for c in (*codecs, *p.inherited) if c not in links],
        free=free,
        deciding=telling,
        dependent=[c for c in telling if c in free],
        relatives=relatives,
        parent_columns=theirs,
        order=order,
        is_strict=is_strict,
    )
    held_anyway: list[Rule] = [Repeats(column, of) for column, of in p.inherited.items()]
    held_anyway += [
        Computed.of(column, codec) for column, codec in codecs.items() if isinstance(codec, DerivedCodec)
    ]
    mined = tuple(r for r in mined if not isinstance(r, Depends) or _is_told(r, p, threshold))
    told = {str(rule) for rule in declared}
    return Keeper.fit(
        [*held_anyway, *declared, *(rule for rule in mined if str(rule) not in told)],
        p.table,
        name=p.config.name,
        free=free,
        order=order,
        is_strict=is_strict,
        threshold=threshold,
        storable=p.storable,
    )


def _is_told(rule: Depends, p: Prepared, threshold: int) -> bool:
    """Whether most values that follow do so from values that are stored.

    The twin has no others to follow from: a rule that rare models of planes decide their speed would leave
    only the speed of common ones.
    """
    on = codes_of(p.table.column(rule.on).combine_chunks())
    known = (np.bincount(on)[on] >= threshold) & p.storable
    follows = np.asarray(p.table.column(rule.column).is_valid())
    return bool(2 * (known & follows).sum() >= follows.sum())


def keep_rules(world: World, name: str, generated: Generated, seed: Seed, fixed: set[str]) -> Generated:
    """A generated table with its rules kept, and codes that say so.

    Args:
        world: The tables so far.
        name: The table.
        generated: Its rows, with all columns that rules are about.
        seed: Decides who lends values where a row can't keep its own.
        fixed: Columns that stay as they are.
    """
    fitted = world.fitted.tables[name]
    driver = world.fitted.plan.driver_of(name)
    relatives = None
    if driver is not None:
        above, key = world.tables[driver.key.parent].rows, driver.key
        rows = parent_rows(generated.rows, key.columns, above, key.parent_columns)
        relatives = Relatives(above, rows)
    table, changed, stays = fitted.keeper.keep(
        generated.rows,
        seed.numpy(),
        relatives=relatives,
        fixed=fixed,
        since={column: gap.since for column, gap in fitted.gaps.items() if not gap.of_parent},
        starts={
            column: as_type(relatives.column(gap.since), fitted.schema.field(column).type)
            for column, gap in fitted.gaps.items()
            if gap.of_parent and relatives is not None
        },
    )
    for column in changed & set(fitted.codec.names):
        values = table.column(column).combine_chunks()
        generated.codes[:, fitted.span("column", column)] = fitted.codec.codec(column).encode(values)
    kept = Generated(table, generated.codes, generated.context)
    return kept if stays.all() else kept.filter(stays)
