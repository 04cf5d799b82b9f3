"""The rules of a table: found when it is learned, kept when it is generated."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.base import ColumnCodec
from synthohive_py.columns.categorical import CategoricalCodec
from synthohive_py.columns.datetimes import DatetimeCodec
from synthohive_py.columns.derived import DerivedCodec
from synthohive_py.columns.numeric import NumericCodec
from synthohive_py.columns.opaque import BytesCodec
from synthohive_py.columns.positional import PositionalCodec
from synthohive_py.plan import Link
from synthohive_py.relational.gaps import as_type
from synthohive_py.relational.keys import is_text_type
from synthohive_py.relational.prepare import Prepared
from synthohive_py.relational.relatives import parent_columns, relatives_in, relatives_of
from synthohive_py.relational.shards import WHOLE_ROWS
from synthohive_py.relational.world import Generated, World
from synthohive_py.rng import Seed
from synthohive_py.rules import (
    Computed,
    DatePart,
    Depends,
    NullBeyond,
    Repeats,
    Rule,
    dates_of,
    declared_rules,
    find_date_parts,
    mine_rules,
)
from synthohive_py.rules.domains import find_domain
from synthohive_py.rules.keeping import Keeper
from synthohive_py.rules.kinds import codes_of
from synthohive_py.rules.strangers import Strangers
from synthohive_py.rules.thresholds import holders, is_round
from synthohive_py.schema import Constraint

__all__ = ["keep_rules", "learn_rules", "without_broken"]

_TELLING = (CategoricalCodec, NumericCodec, DatetimeCodec, PositionalCodec)


def learn_rules(
    p: Prepared, driver: Link | None, prepared: Mapping[str, Prepared], *, threshold: int, seed: Seed
) -> Keeper:
    """Find the rules of a real table.

    Args:
        p: The table.
        driver: The link along which it is generated, if any.
        prepared: All tables, among them the parent along that link.
        threshold: Values held by fewer rows than this are never stored.
        seed: Decides what stands for rare values.
    """
    roles = _Roles.of(p, driver, prepared)
    relatives = relatives_of(p, driver, prepared)
    declared = declared_rules(
        p.config,
        p.table,
        relatives,
        keys={*roles.links, *p.keys, *p.sequences},
        deciding={*roles.telling, *roles.agreeing},
        dates=roles.dates,
        free=roles.free,
        order=roles.order,
    )
    dated = _date_parts(p, roles, [rule for rule in declared if isinstance(rule, DatePart)])
    dates = dates_of(dated)
    free = [c for c in roles.free if c not in dates]
    mined = mine_rules(
        p.table,
        columns=[c for c in (*p.codec.names, *p.inherited) if c not in roles.links],
        free=free,
        deciding=roles.telling,
        agreeing=roles.agreeing,
        parts=roles.parts,
        computed=roles.computed,
        dated=dates,
        relatives=relatives,
        parent_columns=parent_columns(p, driver, prepared),
        order=roles.order,
        is_strict=roles.is_strict,
    )
    said = {str(rule) for rule in declared}
    found = [*declared, *(rule for rule in (*dated, *mined) if str(rule) not in said)]
    agreed, lost = _agreed(found, p, roles.agreeing, threshold)
    strangers, made_up = _strangers(found, lost, p, free, threshold=threshold, seed=seed)
    dropped = lost - said - {*made_up}
    return Keeper.fit(
        [*_by_construction(p), *(rule for rule in found if str(rule) not in dropped)],
        p.table,
        name=p.config.name,
        free=free,
        order=roles.order,
        is_strict=roles.is_strict,
        threshold=threshold,
        own=p.own,
        agreed=agreed - lost,
        strangers=strangers,
        made_up=made_up,
        domains=_domains([rule for rule in dated if dates[rule.column] in free], p, threshold),
    )


def _date_parts(p: Prepared, roles: _Roles, declared: Sequence[DatePart]) -> list[DatePart]:
    """The parts of dates, but not of dates that can't be moved to where a declared domain wants them."""
    personal = {*p.config.pii_cols}
    targets = {*roles.free} - personal
    found = find_date_parts(p.table, targets=targets, dates=roles.dates - personal, taken=declared)
    bounded = {*p.config.accepted_values, *p.config.constraints}
    dates = dates_of([*declared, *found])
    return [*declared, *(r for r in found if r.column not in bounded or dates[r.column] in roles.free)]


def _domains(dated: Sequence[DatePart], p: Prepared, threshold: int) -> dict[str, pa.Table]:
    """Per part of a date the values that it may have, if not any."""
    found = {}
    for rule in dated:
        accepted = p.config.accepted_values.get(rule.column, ())
        bounds = p.config.constraints.get(rule.column, Constraint())
        domain = find_domain(rule, p.table, accepted, bounds, threshold=threshold)
        if domain is not None:
            found[rule.column] = pa.table({rule.column: domain})
    return found


def _strangers(
    found: Sequence[Rule],
    lost: Collection[str],
    p: Prepared,
    free: Collection[str],
    *,
    threshold: int,
    seed: Seed,
) -> tuple[dict[str, Strangers], dict[str, pa.Table]]:
    """What stands for rare values that decide, and per rule what follows from it.

    That is what a rare value decides, as it comes out of codes; which one is left to chance for each column,
    so that no row of few is made again.
    """
    rules = [rule for rule in found if isinstance(rule, Depends) and rule.column in free]
    strange = _strange(rules, lost, p, free)
    strangers: dict[str, Strangers] = {}
    made_up: dict[str, pa.Table] = {}
    for on in dict.fromkeys(rule.on for rule in strange):
        column, codec = p.table.column(on), p.codec.codec(on)
        assert isinstance(codec, CategoricalCodec)  # no other column loses rare values
        common = pa.array(codec.values, codec.type)
        rare = np.asarray(column.is_valid()) & ~np.asarray(pc.is_in(column, value_set=common))
        follows = [rule.column for rule in strange if rule.on == on]
        strangers[on] = Strangers.fit(column, rare, follows, threshold=threshold, seed=seed.child(on))
        names = pa.array(strangers[on].names, codec.type)
        first = np.unique(codes_of(column.combine_chunks())[rare], return_index=True)[1]
        for rule in (r for r in rules if r.on == on):
            rng = seed.child(on, rule.column).numpy()
            rows = pa.array(rng.permutation(np.flatnonzero(rare)[first])[: len(names)])
            values = p.codec.codec(rule.column)
            codes = values.encode(p.table.column(rule.column).combine_chunks().take(rows))
            made_up[str(rule)] = pa.table({on: names, rule.column: values.decode(codes, rng)})
    return strangers, made_up


@dataclass(frozen=True)
class _Roles:
    """What the columns of a table can do for rules.

    Attributes:
        order: The column that siblings are sorted by.
        is_strict: Whether no two siblings share a value of it.
        links: Those of foreign keys.
        free: Those that can be changed.
        parts: Those that are a part of a foreign key, and telling.
        telling: Those whose twins have the real values; others follow from them.
        agreeing: Those of made-up values; rows with the same one agree in others.
        computed: Those that are computed from others.
        dates: Those that others may be a part of: all that are known before rules are kept.
    """

    order: str | None
    is_strict: bool
    links: frozenset[str]
    parts: frozenset[str]
    free: tuple[str, ...]
    telling: frozenset[str]
    agreeing: frozenset[str]
    computed: frozenset[str]
    dates: frozenset[str]

    @classmethod
    def of(cls, p: Prepared, driver: Link | None, prepared: Mapping[str, Prepared]) -> _Roles:
        codecs = dict(zip(p.codec.names, p.codec.codecs, strict=True))
        computed = {c for c, codec in codecs.items() if isinstance(codec, DerivedCodec)}
        matched = {c for columns in p.repeated.values() for c in columns}
        links = {c for link in p.links for c in link.key.columns}
        late = {c for link in p.links if link.role == "deferred" for c in link.key.columns}
        order = p.order.column if p.order else None
        held = {*computed, *p.key_columns, *matched, order}
        telling = _telling(p, driver, prepared)
        agreeing = {c for c in codecs if c not in {*computed, *links}} | _agreeing_keys(p, driver)
        return cls(
            order,
            bool(p.order and p.order.is_strict),
            frozenset(links),
            frozenset(_telling_parts(p, prepared)),
            tuple(c for c in codecs if c not in held),
            frozenset(telling),
            frozenset(agreeing - telling),
            frozenset(computed),
            frozenset({*p.table.column_names} - late - computed),
        )


def _by_construction(p: Prepared) -> Iterator[Rule]:
    """The rules that hold however the rows come about."""
    yield from (Repeats(column, of) for column, of in p.inherited.items())
    for column, codec in zip(p.codec.names, p.codec.codecs, strict=True):
        if isinstance(codec, DerivedCodec):
            yield Computed.of(column, codec)


def _telling(p: Prepared, driver: Link | None, prepared: Mapping[str, Prepared]) -> set[str]:
    """The columns whose twins have the real values: their own, or those of a parent."""
    own = {c for c, codec in zip(p.codec.names, p.codec.codecs, strict=True) if _tells(codec)}
    copied = {
        link.key.columns[0]
        for link in p.links
        if len(link.key.columns) == 1 and prepared[link.key.parent].config.mode == "reference"
    }
    repeated: set[str] = set()
    if driver is not None:
        theirs = _telling(prepared[driver.key.parent], None, prepared)
        repeated = {column for column, of in p.inherited.items() if of in theirs}
    filled = {c for link in p.links for c in link.key.columns}
    return own - filled | copied | repeated | _telling_parts(p, prepared) | {*p.sequences}


def _tells(codec: ColumnCodec) -> bool:
    """Whether twins have the real values (or numbers near them), so that what follows from one is known."""
    if isinstance(codec, BytesCodec):
        return isinstance(codec.texts, CategoricalCodec) and not codec.texts.rare
    return isinstance(codec, _TELLING)


def _telling_parts(p: Prepared, prepared: Mapping[str, Prepared]) -> set[str]:
    """The parts of composite foreign keys whose twins have the real values: the year of a team's season."""
    found: set[str] = set()
    for link in p.links:
        if link.role != "deferred" and len(link.key.columns) > 1 and link.key.parent != p.config.name:
            theirs = _telling(prepared[link.key.parent], None, prepared)
            both = zip(link.key.columns, link.key.parent_columns, strict=True)
            found |= {ours for ours, of in both if of in theirs}
    return found


def _agreeing_keys(p: Prepared, driver: Link | None) -> set[str]:
    """The keys of parents whose children are all made at once, so that they can agree.

    Those of one that rows are matched to are, in a twin of a table that is made whole.
    """
    return {
        link.key.columns[0]
        for link in p.links
        if len(link.key.columns) == 1
        and (link is driver or (link.role == "profile" and p.table.num_rows <= WHOLE_ROWS))
    }


def _agreed(
    rules: Sequence[Rule], p: Prepared, agreeing: Collection[str], threshold: int
) -> tuple[set[str], set[str]]:
    """Rules by which rows only agree, as most values are not known; and those of which some would be lost."""
    deciding = [rule for rule in rules if isinstance(rule, Depends)]
    made_up = {str(rule) for rule in deciding if {*rule.columns} & {*agreeing}}
    untold = {str(rule) for rule in deciding if not _is_told(rule, p, threshold)} - made_up
    codecs = dict(zip(p.codec.names, p.codec.codecs, strict=True))
    lost = {str(rule) for rule in deciding if _loses_rare(codecs.get(rule.on))} & untold
    lost |= {str(rule) for rule in rules if isinstance(rule, NullBeyond) and _tells_rare(rule, p, threshold)}
    return made_up | untold, lost


def _loses_rare(codec: ColumnCodec | None) -> bool:
    """Whether common values take the place of rare ones, and then would decide what follows from these."""
    return isinstance(codec, PositionalCodec) or (isinstance(codec, CategoricalCodec) and codec.rare)


def _tells_rare(rule: NullBeyond, p: Prepared, threshold: int) -> bool:
    """Whether the point of a rule is a value of few rows, or of few entities."""
    if is_round(rule.point):
        return False
    rows = holders(p.table.column(rule.on).combine_chunks(), rule.point)
    own = p.own.get(rule.on, np.zeros(len(rows), bool))
    return bool(rows.any() and (rows & ~own).sum() < threshold)


def _strange(
    rules: Sequence[Depends], lost: Collection[str], p: Prepared, free: Collection[str]
) -> list[Depends]:
    """Those of the lost rules by which texts decide that may be made up: nothing else decides them."""
    decided = {rule.column for rule in rules}
    texts = {
        c
        for c in {*free} - decided - {*p.config.accepted_values}
        if is_text_type(p.table.schema.field(c).type)
    }
    return [rule for rule in rules if str(rule) in lost and rule.on in texts]


def _is_told(rule: Depends, p: Prepared, threshold: int) -> bool:
    """Whether most values that follow do so from values that are stored."""
    on = codes_of(p.table.column(rule.on).combine_chunks())
    known = (np.bincount(on)[on] >= threshold) & ~p.own.get(rule.on, np.zeros(len(on), bool))
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
    relatives = relatives_in(world, name, generated)
    table, changed, stays = fitted.keeper.keep(
        generated.rows,
        seed.numpy(),
        compute=fitted.codec.computed,
        relatives=relatives,
        fixed=fixed,
        since={column: gap.since for column, gap in fitted.gaps.items() if not gap.of_parent},
        starts={
            column: as_type(relatives.column(gap.since), fitted.schema.field(column).type)
            for column, gap in fitted.gaps.items()
            if gap.of_parent
        },
    )
    for column in changed & set(fitted.codec.names):
        values = table.column(column).combine_chunks()
        generated.codes[:, fitted.span("column", column)] = fitted.codec.codec(column).encode(values)
    kept = Generated(table, generated.codes, generated.context)
    return kept if stays.all() else kept.filter(stays)


def without_broken(world: World, name: str, generated: Generated) -> Generated:
    """The rows but those that got another parent since the rules were kept, and break one with it."""
    keeper = world.fitted.tables[name].keeper
    if not world.fitted.rules_of(name).matched:
        return generated
    broken = keeper.broken(generated.rows, relatives_in(world, name, generated))
    return generated if broken.all() or not broken.any() else generated.filter(~broken)
