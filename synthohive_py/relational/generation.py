"""A twin in the making: the tables that all shards share, and shards that are made from them on their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.assign import eligible_parents
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.making import TableMaker
from synthohive_py.relational.shards import Dealt, Shard, deal, divide, shards_of, whole_parts
from synthohive_py.relational.world import Generated, World
from synthohive_py.rng import Seed
from synthohive_py.states import table_from_state, table_state

__all__ = ["Generation"]


@dataclass(frozen=True)
class Generation:
    """What every shard of a twin needs.

    Attributes:
        fitted: What was learned.
        seed: Everything random derives from it.
        conditions: Per table the values that every row has.
        shared: The tables that are made whole.
        dealt: Per driver link to one of them, how many children each of its rows has in all shards.
        shards: The shards of the other tables; none if all are made whole.
        existing: Per table of a twin that rows are added to, its unique columns.
    """

    fitted: FittedSchema
    seed: Seed
    conditions: Mapping[str, Conditions]
    shared: Mapping[str, Generated]
    dealt: Mapping[str, Dealt]
    shards: tuple[Shard, ...]
    existing: Mapping[str, pa.Table]

    @classmethod
    @processor_settings()
    def start(
        cls,
        fitted: FittedSchema,
        roots: Mapping[str, int],
        seed: Seed,
        conditions: Mapping[str, Conditions],
        existing: Mapping[str, pa.Table] | None = None,
        *,
        finer: int = 1,
    ) -> Generation:
        """Divide the tables, and make those that are not divided.

        Args:
            fitted: What was learned.
            roots: The rows of the root tables.
            seed: Everything random derives from it.
            conditions: Per table the values that every row has.
            existing: Per table of a twin that rows are added to, its unique columns.
            finer: By how much shards are smaller than usual.
        """
        whole, count = divide(fitted, roots, finer)
        world = World(fitted, {}, whole_parts(fitted, whole, roots), seed, existing=existing or {})
        _make(world, conditions, seed)
        dealt = {}
        for link in fitted.plan.links:
            if link.role == "driver" and link.key.parent in whole and link.child not in whole:
                eligible = eligible_parents(world, link)
                degrees = world.degrees(link, seed.child(link.child, "degrees"), eligible)
                dealt[link.name] = deal(fitted, link.child, whole, count, degrees)
        shards: list[Shard] = []
        if count > 1:
            shards = shards_of(fitted, whole, count, roots=roots, dealt=dealt, seed=seed)
        return cls(fitted, seed, conditions, world.tables, dealt, tuple(shards), world.existing)

    @property
    def is_portable(self) -> bool:
        """Whether another process can make the shards: it has to know the classes of the models."""
        models = [table.model for table in self.fitted.tables.values() if table.model]
        return all(type(model).__module__.startswith("synthohive_py.") for model in models)

    @property
    def made_in_shards(self) -> list[str]:
        """The tables that get rows from shards, in the order of the plan."""
        return [n for n in self.fitted.plan.order if n not in self.shared or self._open_links(n)]

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """The shared tables but those that the first shard completes, in the order of the plan."""
        world = World(self.fitted, dict(self.shared), Shard(0, 1, {}), self.seed)
        yield from self._finished(world, [n for n in self.shared if not self._open_links(n)], self.seed)

    def world(self, shard: Shard) -> World:
        """The tables of a shard, and those that all shards share."""
        tables = {name: generated.copy() for name, generated in self.shared.items()}
        world = World(self.fitted, tables, shard, self.seed, self.dealt, self.existing)
        _make(world, self.conditions, self._seed_of(shard))
        return world

    def _seed_of(self, shard: Shard) -> Seed:
        return self.seed.child("shard", shard.number)

    @processor_settings()
    def make(self, shard: Shard) -> list[tuple[str, pa.Table]]:
        """The rows of a shard, with the real tables' columns, order and types."""
        world, seed = self.world(shard), self._seed_of(shard)
        names = list(shard.parts)
        if shard.number == 0:
            for name in self.shared:
                links = self._open_links(name)
                if links:
                    maker = TableMaker(world, name, seed.child(name), self.conditions.get(name))
                    world.tables[name] = maker.fill_links(world.tables[name], links)
                    names.append(name)
        return self._finished(world, names, seed)

    def _finished(self, world: World, names: Collection[str], seed: Seed) -> list[tuple[str, pa.Table]]:
        """Some tables in the order of the plan, with invented values in the place of personal data."""
        wanted = [name for name in self.fitted.plan.order if name in names]
        # What a child repeats of a parent was invented with the parent.
        complete = [name for name in world.tables if not self._open_links(name)]
        needed = [*complete, *wanted] if self.fitted.disguise.tables else wanted
        tables = {name: world.finished(name) for name in self.fitted.plan.order if name in needed}
        existing = sum(table.num_rows for table in self.existing.values())
        return self.fitted.disguise.put_on(tables, wanted, seed.child("privacy"), existing=existing)

    def _open_links(self, name: str) -> list[Any]:
        """Links of a shared table to rows of shards."""
        links = self.fitted.plan.links_of(name, "deferred")
        return [link for link in links if link.key.parent not in self.shared]

    def state(self) -> dict[str, Any]:
        """All fields but the conditions, for another process."""
        return {
            "fitted": self.fitted.state(),
            "seed": self.seed.value,
            "shared": {
                name: {"rows": table_state(g.rows), "codes": g.codes, "context": g.context}
                for name, g in self.shared.items()
            },
            "existing": {name: table_state(table) for name, table in self.existing.items()},
            "dealt": {name: asdict(children) for name, children in self.dealt.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Generation:
        """The generation that `state` was taken from, without its shards."""
        shared = {
            name: Generated(table_from_state(g["rows"]), g["codes"], g["context"])
            for name, g in state["shared"].items()
        }
        fitted = FittedSchema.from_state(state["fitted"])
        dealt = {name: Dealt(**children) for name, children in state["dealt"].items()}
        existing = {name: table_from_state(table) for name, table in state["existing"].items()}
        return cls(fitted, Seed(state["seed"]), {}, shared, dealt, (), existing)


def _make(world: World, conditions: Mapping[str, Conditions], seed: Seed) -> None:
    """All tables that have rows of their own in this world."""
    names = [name for name in world.fitted.plan.order if name in world.shard.parts]
    makers = {name: TableMaker(world, name, seed.child(name), conditions.get(name)) for name in names}
    for name, maker in makers.items():
        world.tables[name] = maker.generate()
    for name, maker in makers.items():
        links = [k for k in world.fitted.plan.links_of(name, "deferred") if k.key.parent in world.tables]
        if links:
            world.tables[name] = maker.fill_links(world.tables[name], links)
