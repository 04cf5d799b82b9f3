"""Learn a whole schema: columns to codes, links to codes, and one model for each table, parents first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from synthohive_py.columns.base import Codes
from synthohive_py.columns.scalars import to_numbers
from synthohive_py.errors import TrainingError
from synthohive_py.frames import to_arrow
from synthohive_py.joins import NULL, ORPHAN, group_ids
from synthohive_py.models.base import EpochReport, get_model
from synthohive_py.models.devices import fit_on, usable_device
from synthohive_py.models.processor import processor_settings
from synthohive_py.plan import Link, Plan, make_plan
from synthohive_py.relational.balance import balance, shares_of
from synthohive_py.relational.cardinality import DegreeModel
from synthohive_py.relational.checkpoints import Checkpoints, fingerprint
from synthohive_py.relational.context import MAX_CONTEXT, telling_columns
from synthohive_py.relational.cores import available_cores
from synthohive_py.relational.entities import entities_of
from synthohive_py.relational.families import Families
from synthohive_py.relational.fitted import FitSettings, FittedSchema, FittedTable, Lookup
from synthohive_py.relational.gaps import Gap, as_type, find_gaps, times_of
from synthohive_py.relational.history import History
from synthohive_py.relational.invariants import learn_rules
from synthohive_py.relational.keys import KeyGenerator
from synthohive_py.relational.layout import column_block, layout_of
from synthohive_py.relational.likeness import UNKNOWN, family_codes
from synthohive_py.relational.population import Population
from synthohive_py.relational.prepare import Prepared, prepare_table, with_own_values_hidden
from synthohive_py.relational.private import PrivateTable, check_private, plan_private, root_rows
from synthohive_py.relational.profiles import Profile, relevance
from synthohive_py.relational.recurrence import find_recurrences, numbered
from synthohive_py.relational.world import cast_column
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata
from synthohive_py.uuids import to_texts, uuid_keys

__all__ = ["fit_tables", "with_empty_tables_copied"]

logger = logging.getLogger(__name__)

MAX_FAMILIES = 2  # child tables whose families are told apart; each adds two columns to the parent
FORGOTTEN = 0.02  # share of the family codes that are unknown while learning

Rows = npt.NDArray[np.int64]


def fit_tables(
    metadata: Metadata,
    data: Mapping[str, pa.Table],
    *,
    model: str,
    model_options: Mapping[str, Any] | None = None,
    seed: Seed,
    settings: FitSettings | None = None,
    checkpoints: Checkpoints | None = None,
    population: Population | None = None,
    progress: bool = False,
) -> FittedSchema:
    """Learn all tables.

    Args:
        metadata: The schema.
        data: The real tables by name.
        model: Name of a registered table model.
        model_options: Options of that model.
        seed: Everything random derives from it.
        settings: Limits and thresholds.
        checkpoints: Where trained models are kept, and found again.
        population: What is known of all rows, where the tables are a sample of them.
        progress: Whether to show a progress bar.

    Raises:
        SchemaValidationError: Schema or data have problems; raised before any training.
        SettingError: The model or an option of it is unknown.
        TrainingError: A model did not converge; the message names the table.
    """
    settings = settings or FitSettings()
    model_class = get_model(model)
    model_class(**dict(model_options or {}))  # refuses unknown options before any work
    if settings.budget:
        check_private(model)
    metadata.validate(data)
    tables = {name: to_arrow(data[name], name) for name in metadata.modelled}
    uuids = uuid_keys(metadata, tables)
    tables = {name: to_texts(table, uuids[name]) for name, table in tables.items()}
    metadata = with_empty_tables_copied(metadata, tables)
    plan = population.plan if population else make_plan(metadata, tables)
    fitting = _Fitting(
        metadata,
        plan,
        tables,
        settings=settings,
        device=usable_device(settings.device),
        seed=seed,
        checkpoints=checkpoints or Checkpoints(),
        population=population,
        uuids=uuids,
    )
    started = time.monotonic()
    _train_all(fitting, lambda: model_class(**dict(model_options or {})), progress=progress)
    fitted = fitting.whole()
    if not settings.budget:  # real shares would be told without any noise
        limit = settings.max_fit_seconds
        deadline = None if limit is None else started + limit
        balance(fitted, fitting.shares(), seed.child("balance"), deadline=deadline)
    return fitted


def _train_all(fitting: _Fitting, new_model: Callable[[], Any], *, progress: bool) -> None:
    """Train the tables' models side by side: no model needs another, since all learn from real rows."""
    names = [n for n in fitting.plan.order if fitting.fitted[n].reference is None]
    names.sort(key=fitting.training_cells, reverse=True)
    workers = available_cores() if fitting.device == "cpu" else 1
    started, failed = time.monotonic(), threading.Event()
    # The settings are the process's own: held here, so that threads do not take them back from each other.
    with (
        tqdm(total=len(names), desc="Fitting", unit="table", disable=not progress) as bar,
        processor_settings(),
        ThreadPoolExecutor(workers) as pool,
    ):

        def train(name: str) -> None:
            def show(report: EpochReport) -> None:
                if failed.is_set():
                    raise TrainingError("stopped, because another table can't be learned", table=name)
                bar.set_postfix_str(f"{name}, epoch {report.epoch}")

            ahead = names[names.index(name) :]
            fitting.train(name, new_model(), fitting.budget(ahead, time.monotonic() - started, workers), show)
            bar.update()

        tasks = [pool.submit(train, name) for name in names]
        try:
            for task in as_completed(tasks):
                task.result()
        finally:  # also if the user interrupts it: what runs ends after its epoch
            failed.set()
            pool.shutdown(wait=False, cancel_futures=True)


def with_empty_tables_copied(metadata: Metadata, tables: Mapping[str, pa.Table]) -> Metadata:
    """The twin of an empty table is an empty table: there is nothing to learn, and nothing to hide."""
    empty = {
        name: metadata.tables[name].model_copy(update={"mode": "reference"})
        for name, table in tables.items()
        if not table.num_rows
    }
    for name in empty:
        logger.info("%s: has no rows, and neither has its twin", name)
    return metadata.model_copy(update={"tables": {**metadata.tables, **empty}})


class _Fitting:
    """The real codes of all tables while they are needed, and the fitted parts as they grow."""

    def __init__(
        self,
        metadata: Metadata,
        plan: Plan,
        tables: Mapping[str, pa.Table],
        *,
        settings: FitSettings,
        device: str,
        seed: Seed,
        checkpoints: Checkpoints,
        population: Population | None,
        uuids: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.metadata, self.device, self.population, self.uuids = metadata, device, population, uuids
        self.plan, self.settings, self.seed, self.checkpoints = plan, settings, seed, checkpoints
        threshold = settings.k_anonymity_threshold
        self.prepared: dict[str, Prepared] = {}
        for name in plan.order:
            self.prepared[name] = prepare_table(
                metadata.tables[name], tables[name], plan, tables, threshold=threshold, prepared=self.prepared
            )
            self._tell_of_orphans(self.prepared[name])
        self.entities: dict[str, list[Rows]] = {}  # ways to tell whom each row belongs to
        self._hide_own_values()
        self.codes: dict[str, Codes] = {}
        self.families: dict[str, Codes] = {}  # per driver link, the family codes of the parents
        self.fitted: dict[str, FittedTable] = {}
        for name in plan.order:
            self.fitted[name] = self._describe(name, is_reference=metadata.tables[name].mode == "reference")
            self.codes[name] = self._all_codes(name)
        self.private, self.spent = self._plan_private()

    def _plan_private(self) -> tuple[dict[str, PrivateTable], dict[str, Any]]:
        """Per table how it is trained with differential privacy, if it is asked for, and what to report."""
        if self.settings.budget is None:
            return {}, {}
        parents = {name: p.parents for name, p in self.prepared.items()}
        sizes = {name: p.table.num_rows for name, p in self.prepared.items()}
        trained = [name for name in self.plan.order if self.fitted[name].reference is None]
        entities = {name: root_rows(self.plan, parents, sizes, name) for name in trained}
        rows = {name: entities[name][self._training_rows(name)] for name in trained}
        tables, report = plan_private(self.settings.budget, self.plan, rows)
        return tables, {"differential_privacy": report}

    def _tell_of_orphans(self, p: Prepared) -> None:
        """Of the rows without a parent, which the twin does not have."""
        driver = self.plan.driver_of(p.config.name)
        for link in p.links:
            orphans = int((p.parents[link.name] == ORPHAN).sum())
            if orphans and link.key.orphans == "drop" and p.config.mode != "reference":
                what = "they" if driver and link.name == driver.name else "these references"
                logger.warning(
                    "%s: %d of %d rows have no parent along %s; %s are not learned (orphans='drop')",
                    p.config.name,
                    orphans,
                    p.table.num_rows,
                    link.key,
                    what,
                )

    def whole(self) -> FittedSchema:
        """All that was learned."""
        tables = {name: self.fitted[name] for name in self.plan.order}
        return FittedSchema(self.metadata, self.plan, tables, seed=self.seed.value, privacy=self.spent)

    def _hide_own_values(self) -> None:
        """Values of single customers, accounts or machines are not stored, however many rows hold them."""
        links = {name: p.links for name, p in self.prepared.items()}
        parents = {name: p.parents for name, p in self.prepared.items()}
        threshold = self.settings.k_anonymity_threshold
        for name, p in self.prepared.items():
            if p.config.mode != "reference":
                self.entities[name] = entities_of(name, links, parents)
                self.prepared[name] = with_own_values_hidden(p, self.entities[name], threshold=threshold)

    # ------------------------------------------------------------ links

    def _describe(self, name: str, *, is_reference: bool) -> FittedTable:
        """All of a table but its model."""
        p = self.prepared[name]
        rows = self.population.rows[name] if self.population else p.table.num_rows
        fitted = FittedTable(schema=p.table.schema, uuids=self.uuids[name], rows=rows, codec=p.codec)
        fitted.layout = tuple(column_block(p.codec, column) for column in p.codec.names)
        if is_reference:
            fitted.reference = p.table
            fitted.fixed_degrees = {k.name: self._degrees(k) for k in self.plan.links_to(name)}
            return fitted
        # Of keys that were read in part, neighbours lie farther apart than those of all rows.
        fitted.keys = {c: key.denser(rows / max(p.table.num_rows, 1)) for c, key in p.keys.items()}
        fitted.sequences, fitted.numbered = dict(p.sequences), dict(p.numbered)
        fitted.inherited, fitted.order = dict(p.inherited), p.order
        fitted.repeated = {k: dict(v) for k, v in p.repeated.items() if v}
        for link in p.links:
            if link.role == "lookup":
                fitted.lookups[link.name] = self._lookup(p, link)
            elif link.role in ("profile", "deferred"):
                fitted.profiles[link.name] = self._profile(p, link)
            if link.key.orphans == "keep" and link.orphan_share:
                fitted.orphans[link.name] = self._orphans(p, link)
        for link in self.plan.links_to(name):
            every = self.population.degrees[link.name] if self.population else self._degrees(link)
            fitted.degrees[link.name] = DegreeModel.fit(every, threshold=self.settings.k_anonymity_threshold)
        self._find_families(name, fitted)
        fitted.gaps = self._gaps(p)
        driver = self.plan.driver_of(name)
        fitted.keeper = learn_rules(
            p,
            driver,
            self.prepared,
            threshold=self.settings.k_anonymity_threshold,
            seed=self.seed.child(name, "rules"),
        )
        if driver:
            if self.population:
                fitted.unparented, fitted.orphaned = self.population.unparented(driver)
            else:
                fitted.unparented, fitted.orphaned = _unparented(p.parents[driver.name], driver)
            fitted.recurrences = find_recurrences(
                p.table,
                p.codec,
                p.codes,
                self._families(p),
                known={*p.key_columns, *fitted.gaps, *([p.order.column] if p.order else [])},
                rng=self.seed.child("recurrences", name).numpy(),
            )
        fitted.layout, fitted.key_width = layout_of(p, fitted)
        return fitted

    def _find_families(self, name: str, fitted: FittedTable) -> None:
        """What the children along each driver link have in common; of many child tables, of the largest.

        Not with differential privacy: which family is like which depends on all of them, without any noise.
        """
        if self.settings.budget:
            return
        links = [link for link in self.plan.links_to(name) if link.role == "driver"]
        links = [link for link in links if self.prepared[link.child].config.mode != "reference"]
        links.sort(key=lambda link: -self.prepared[link.child].table.num_rows)
        for link in links[:MAX_FAMILIES]:
            child = self.prepared[link.child]
            codes, sizes = family_codes(
                child.codes,
                child.parents[link.name],
                self.prepared[name].table.num_rows,
                cardinalities=child.codec.cardinalities,
                ordered=child.codec.ordered,
                threshold=self.settings.k_anonymity_threshold,
                seed=self.seed.child("families", link.name),
            )
            if sizes:
                self.families[link.name], fitted.families[link.name] = codes, sizes

    def _gaps(self, p: Prepared) -> dict[str, Gap]:
        """The times that closely follow another of their row."""
        matched = {column for columns in p.repeated.values() for column in columns}
        held = {*matched, *p.key_columns, *([p.order.column] if p.order else [])}
        return find_gaps(
            p.table,
            p.codec,
            held=held,
            moved=matched,
            entities=self.entities[p.config.name],
            threshold=self.settings.k_anonymity_threshold,
            above=self._times_above(p),
        )

    def _times_above(self, p: Prepared) -> pa.Table:
        """The modelled dates and timestamps of each row's parent; none without one."""
        driver = self.plan.driver_of(p.config.name)
        if driver is None:
            return pa.table({})
        above = self.prepared[driver.key.parent]
        return times_of(above.table, above.codec, p.parents[driver.name])

    def _degrees(self, link: Link) -> Rows:
        """How many children each real parent has along the link."""
        if self.population:
            return self.population.degrees_read[link.name]
        rows = self.prepared[link.child].parents[link.name]
        return np.bincount(rows[rows >= 0], minlength=self.prepared[link.key.parent].table.num_rows)

    def _lookup(self, p: Prepared, link: Link) -> Lookup:
        rows = p.parents[link.name]
        used = np.unique(rows[rows >= 0])
        keys = self.prepared[link.key.parent].table.select(list(link.key.parent_columns)).take(used)
        types = [p.table.schema.field(c).type for c in link.key.columns]
        columns = [cast_column(column, kind) for column, kind in zip(keys.columns, types, strict=True)]
        return Lookup(pa.table(columns, names=list(link.key.columns)))

    def _profile(self, p: Prepared, link: Link) -> Profile:
        parent = self.prepared[link.key.parent]
        rows = p.parents[link.name]
        joined = np.flatnonzero(rows >= 0)
        weights = relevance(parent.codes[rows[joined]], p.codes[joined], parent.codec.ordered)
        for column in p.repeated.get(link.name, {}).values():  # matched for itself
            weights[parent.codec.span(column)] = [0.0] * len(parent.codec.codec(column).cardinalities)
        return Profile.fit(
            parent.codes,
            cardinalities=parent.codec.cardinalities,
            ordered=parent.codec.ordered,
            weights=weights,
            threshold=self.settings.k_anonymity_threshold,
            seed=self.seed.child("profile", link.name),
        )

    def _orphans(self, p: Prepared, link: Link) -> tuple[KeyGenerator, float]:
        """How orphans' values look in the key's last column, and how many there are per parent row."""
        parent = self.prepared[link.key.parent].table
        rows = p.parents[link.name]
        values = p.table.select(list(link.key.columns)).filter(pa.array(rows == ORPHAN))
        distinct = int(group_ids([values], [values.column_names])[0].max(initial=-1)) + 1
        last = parent.column(link.key.parent_columns[-1]).combine_chunks()
        threshold = self.settings.k_anonymity_threshold
        return KeyGenerator.fit(last, threshold=threshold), distinct / max(parent.num_rows, 1)

    # ------------------------------------------------------------ codes

    def _all_codes(self, name: str) -> Codes:
        """The real rows in the codes of the whole layout."""
        p, fitted = self.prepared[name], self.fitted[name]
        links = {link.name: link for link in [*p.links, *self.plan.links_to(name)]}
        parts: list[Codes] = [np.zeros((p.table.num_rows, 0), np.int32)]
        for block in fitted.layout:
            if block.kind == "column":
                parts.append(p.codes[:, p.codec.span(block.name)])
            elif block.kind == "step":
                parts.append(self._steps(p))
            elif block.kind == "calendar" and p.order and p.order.calendar:
                ticks = to_numbers(p.table.column(block.name).combine_chunks())[0]
                parts.append(p.order.calendar.encode(ticks))
            elif block.kind == "gap":
                gap, column = fitted.gaps[block.name], p.table.column(block.name)
                start = (self._times_above(p) if gap.of_parent else p.table).column(gap.since)
                parts.append(gap.encode(as_type(start, column.type), column))
            elif block.kind == "recurrence":
                how, values = fitted.recurrences[block.name], numbered(p.table.column(block.name))
                parts.append(how.encode(values, self._families(p), how.category(p.codec, p.codes)))
            elif block.kind == "degree":
                parts.append(fitted.degrees[block.name].encode(self._degrees(links[block.name])))
            elif block.kind == "family":
                parts.append(self.families[block.name])
            elif block.kind == "lookup":
                parts.append(fitted.lookups[block.name].encode(p.parents[block.name]))
            else:
                parent = self.prepared[links[block.name].key.parent]
                parts.append(_profile_codes(p.parents[block.name], parent, fitted.profiles[block.name]))
        return np.concatenate(parts, axis=1)

    def _families(self, p: Prepared) -> Families:
        """The real rows, family by family: siblings by their order, by their number, or mixed.

        Where they have no order, that of the rows in the table is one of loading: in one loaded by date each
        sibling would seem to follow from the one before.
        """
        driver = self.plan.driver_of(p.config.name)
        if driver is None:
            return Families.of(np.arange(p.table.num_rows))
        along = p.order.column if p.order else next(iter(p.sequences), None)
        if along is None:
            mixed = self.seed.child("siblings", p.config.name).numpy().permutation(p.table.num_rows)
            return Families.of(p.parents[driver.name], mixed)
        return Families.of(p.parents[driver.name], to_numbers(p.table.column(along).combine_chunks())[0])

    def _steps(self, p: Prepared) -> Codes:
        assert p.order is not None
        column = p.table.column(p.order.column).combine_chunks()
        return p.order.encode(column, self._families(p), self._anchors(p))

    def _anchors(self, p: Prepared) -> pa.Array | None:
        """The value of each row's parent that the first of siblings starts from."""
        driver, order = self.plan.driver_of(p.config.name), p.order
        assert driver is not None  # without one there is no order
        assert order is not None
        if not order.anchor:
            return None
        rows = p.parents[driver.name]
        above = self.prepared[driver.key.parent].table.column(order.anchor)
        return above.take(pa.array(np.maximum(rows, 0), mask=rows < 0)).combine_chunks()

    def _context(self, name: str, rows: Rows) -> tuple[Codes, tuple[int, ...]]:
        """What is known of some rows' parents: their codes, and those of the parents' parents.

        One more code in each column stands for rows without a parent.
        """
        driver = self.plan.driver_of(name)
        if driver is None:
            return np.zeros((len(rows), 0), np.int32), ()
        parent = driver.key.parent
        parents = self.prepared[name].parents[driver.name][rows]
        theirs = np.maximum(parents, 0)
        above, above_sizes = self._context(parent, theirs)
        codes = np.concatenate([self.codes[parent][theirs], above], axis=1)[:, :MAX_CONTEXT]
        sizes = (*self.fitted[parent].cardinalities, *above_sizes)[:MAX_CONTEXT]
        codes[parents < 0] = sizes
        return codes, tuple(k + 1 for k in sizes)

    def _forget_families(self, name: str, context: Codes, rng: np.random.Generator) -> None:
        """Make some family codes unknown, as are those of parents that get children after all."""
        above, start = self.plan.driver_of(name), 0
        while above:
            fitted = self.fitted[above.key.parent]
            for block in fitted.layout:
                for j in range(start, min(start + len(block.cardinalities), context.shape[1])):
                    if block.kind == "family":
                        context[rng.random(len(context)) < FORGOTTEN, j] = UNKNOWN
                start += len(block.cardinalities)
            above = self.plan.driver_of(above.key.parent)

    # ------------------------------------------------------------ training

    def budget(self, ahead: Sequence[str], spent: float, workers: int) -> float | None:
        """The first table's share of the time that is left for those ahead, by its number of cells."""
        if self.settings.max_fit_seconds is None:
            return None
        left = max(self.settings.max_fit_seconds - spent, 0.0)
        share = self.training_cells(ahead[0]) / max(sum(map(self.training_cells, ahead)), 1)
        return left * min(share * workers, 1.0)

    def training_cells(self, name: str) -> int:
        """About how much there is to learn of a table."""
        fitted = self.fitted[name]
        return min(fitted.rows, self.settings.max_training_rows) * max(len(fitted.cardinalities), 1)

    def _training_rows(self, name: str) -> Rows:
        """The rows to learn from: all that have a place in the twin, or a sample of them."""
        p, driver = self.prepared[name], self.plan.driver_of(name)
        rows = np.arange(p.table.num_rows)
        if driver and driver.key.orphans == "drop":
            rows = rows[p.parents[driver.name] != ORPHAN]
        if self.population:
            rows = rows[self.population.drawn[name][rows]]
        if len(rows) > self.settings.max_training_rows:
            rng = self.seed.child("training rows", name).numpy()
            rows = np.sort(rng.permutation(rows)[: self.settings.max_training_rows])
        return rows

    def shares(self) -> dict[str, list[npt.NDArray[np.float64]]]:
        """Per table that is generated, and code column, how often each code comes."""
        return {
            name: shares_of(self.codes[name][self._training_rows(name)], table.cardinalities)
            for name, table in self.fitted.items()
            if table.reference is None
        }

    def _seen(self, name: str, rows: Rows) -> tuple[Codes, tuple[int, ...]]:
        """What some rows are generated from: what tells of their parents, and of their elder siblings."""
        p, fitted, driver = self.prepared[name], self.fitted[name], self.plan.driver_of(name)
        context, sizes = self._context(name, rows)
        if driver:
            rng = self.seed.child("context", name).numpy()
            parents = p.parents[driver.name][rows]
            fitted.context = telling_columns(context, self.codes[name][rows], parents, rng)
            self._forget_families(name, context, rng)
        context, sizes = context[:, fitted.context], tuple(sizes[j] for j in fitted.context)
        families = self._families(p)
        if families.longest > 1:
            history = History.fit(
                self.codes[name],
                families,
                cardinalities=fitted.cardinalities,
                ordered=fitted.ordered,
                rng=self.seed.child("siblings that tell", name).numpy(),
            )
            if history.is_telling or p.order or fitted.recurrences:  # else siblings need no order
                fitted.history = history
                rng = self.seed.child("history", name).numpy()
                have_codes = driver is not None and driver.name in self.families
                seen = history.encode(self.codes[name], families, rng, have_codes=have_codes)
                context = np.concatenate([context, seen[rows]], axis=1)
                sizes = (*sizes, *history.cardinalities)
        if p.order:
            column = p.table.column(p.order.column).combine_chunks()
            pace = p.order.paces_of(column, families, self._anchors(p))
            context = np.concatenate([context, pace[rows]], axis=1)
            sizes = (*sizes, p.order.pace_cardinality)
        return context, sizes

    def train(self, name: str, model: Any, budget: float | None, show: Callable[[EpochReport], None]) -> None:
        """Fit the table's model on its rows, or on a sample of them."""
        p, fitted = self.prepared[name], self.fitted[name]
        driver = self.plan.driver_of(name)
        parents = p.parents[driver.name] if driver else None
        rows = self._training_rows(name)
        context, context_sizes = self._seen(name, rows)
        started = time.monotonic()
        seed = self.seed.child("model", name)
        codes, groups = self.codes[name][rows], parents[rows] if parents is not None else None
        private = self.private.get(name)
        facts = [context, groups, *([private.entities, private.facts] if private else [])]
        same = fingerprint(model, seed, (*fitted.cardinalities, *context_sizes), codes, *facts)
        kept = self.checkpoints.find(name, same, type(model))
        if kept:
            fitted.model, fitted.report = kept
            logger.info("%s: learned before, taken from its checkpoint", name)
            return
        logger.info("%s: learning from %d rows", name, len(rows))
        try:
            shared: dict[str, Any] = {
                "context": context if driver else None,
                "context_cardinalities": context_sizes,
                "seed": seed,
                "progress": show,
                "max_seconds": budget,
            }
            if private:
                report = private.train(model, codes, fitted.cardinalities, **shared)
            else:
                known = {"groups": groups, "centres": fitted.centres}
                report = fit_on(self.device, model, codes, fitted.cardinalities, **known, **shared)
        except TrainingError as error:
            raise TrainingError(error.problem.summary, table=name, remedy=error.problem.remedy) from error
        fitted.model = model
        fitted.report = asdict(report)
        self.checkpoints.keep(name, same, model, fitted.report)
        logger.info("%s: fitted on %d rows in %.1f s", name, len(rows), time.monotonic() - started)


def _unparented(parents: Rows, driver: Link) -> tuple[float, float]:
    """Rows without a parent for each row with one, and the share of orphans among them."""
    orphaned = (parents == ORPHAN).sum() if driver.key.orphans == "keep" else 0
    unparented = int((parents == NULL).sum() + orphaned)
    return unparented / max(int((parents >= 0).sum()), 1), float(orphaned / max(unparented, 1))


def _profile_codes(rows: Rows, parent: Prepared, profile: Profile) -> Codes:
    """The parent's profile; two more codes of the first column mean null and orphan."""
    codes = profile.encode(parent.codes)[np.maximum(rows, 0)]
    codes[rows == NULL] = (profile.cardinalities[0], 0)
    codes[rows == ORPHAN] = (profile.cardinalities[0] + 1, 0)
    return codes
