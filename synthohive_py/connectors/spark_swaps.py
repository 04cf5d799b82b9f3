"""Twins of Spark that take their places together, in schemas where one run writes at a time.

Spark's catalogs have no transactions and no locks, and not all can rename. What they have is `create table`:
a table without rows is made at once or not at all, and of two programs that make it one is refused. So such
tables are the locks, and the word that from now on the new twins count (`swap`) or the old ones (`back`). A
run that is killed leaves them, and the next one does what they say.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from synthohive_py.connectors.base import Relation
from synthohive_py.connectors.spark_catalog import PREFIX, Catalog, Column, declared, failures, refused, told
from synthohive_py.connectors.spark_types import backticked
from synthohive_py.errors import ConnectorError

__all__ = ["Move", "Run", "alone_in", "settled"]

logger = logging.getLogger(__name__)

LOCK_SECONDS = 60.0  # that a writer waits for another one, which is dead if it gives no sign of life
BEAT_SECONDS = 10.0  # between two signs of life
POLL_SECONDS = 0.2

LOCK = f"{PREFIX}lock_"
LOCKS, DRAFTS = re.compile(rf"{LOCK}\d+"), re.compile(rf"{PREFIX}[0-9a-f]{{8}}_\w+")
SAYS = "SynthoHive writes twins here: "  # the comment of a lock

REPAIR = "repair what Spark says, and write again"

Signs = Mapping[Relation, str]


@dataclass(frozen=True)
class Move:
    """A twin on its way to its place.

    Attributes:
        target: Its place.
        columns: The columns that it gets.
        drafts: The tables that hold its rows; of one for all twins also the column that the rows are in.
        kept: The table with the rows of the twin before; None if there was none.
        before: The columns of the twin before.
    """

    target: Relation
    columns: Sequence[Column]
    drafts: Sequence[tuple[Relation, str | None]]
    kept: Relation | None = None
    before: Sequence[Column] = ()

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Move:
        """The move that `asdict` made this of, after a way through JSON."""
        return cls(
            Relation(**state["target"]),
            [tuple(column) for column in state["columns"]],
            [(Relation(**table), column) for table, column in state["drafts"]],
            Relation(**state["kept"]) if state["kept"] else None,
            [tuple(column) for column in state["before"]],
        )


@dataclass
class Run:
    """A run that writes twins.

    Attributes:
        catalog: Where.
        schemas: Those that the twins go to. Its own tables are in the first.
        name: Its name, which its tables have in theirs.
        locks: The tables that say that it is there.
    """

    catalog: Catalog
    schemas: Sequence[Relation]
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    locks: list[Relation] = field(default_factory=list)

    @classmethod
    def of_sign(cls, catalog: Catalog, sign: str) -> Run | None:
        """The run whose lock said this; None if it is no lock of ours, or was gone when it was to be read."""
        said = re.search(f"{SAYS}([0-9a-f]+)", sign)
        if said is None:
            return None
        found = json.loads(bytes.fromhex(said[1]))
        schemas = [Relation(database, schema, "") for database, schema in found["schemas"]]
        return cls(catalog, schemas, found["run"])

    @property
    def comment(self) -> str:
        said = {"run": self.name, "schemas": [[s.database, s.schema] for s in self.schemas]}
        return SAYS + json.dumps(said).encode().hex()  # so it needs no quotes

    def table(self, what: str | int) -> Relation:
        """A table of its own."""
        return Relation(self.schemas[0].database, self.schemas[0].schema, f"{PREFIX}{self.name}_{what}")

    def swap(self, moves: Sequence[Move]) -> None:
        """Let the twins take their places: all of them, or none.

        Raises:
            ConnectorError: One can't; the old twins are back, or the next run into the schema puts them back.
        """
        self._check_it_counts()
        kept = []
        for place, move in enumerate(moves):
            with refused("the twin before can't be kept; no twin was changed", move.target):
                kept.append(self._with_the_twin_before(move, place))
        with refused("the twins can't be replaced; no twin was changed"):
            text = json.dumps([asdict(move) for move in kept])
            frame = self.catalog.session.createDataFrame([(text,)], "moves string")
            self.catalog.save(frame, self.table("moves"), "moves string")
            self._say("swap")
        self.settle()

    def settle(self) -> None:
        """Bring to an end what a swap has begun, if one has.

        Raises:
            ConnectorError: It can't be done; the old twins are back, or the next run has to put them back.
        """
        said = self._said()
        if not said:
            return
        [(text,)] = self.catalog.session.table(self.catalog.name(self.table("moves"))).collect()
        moves = [Move.from_state(state) for state in json.loads(text)]
        if "back" in said:
            self._take_back(moves)
            return
        try:
            for move in moves:
                with refused("the twin can't be replaced; all old twins are back", move.target, REPAIR):
                    _fill(self.catalog, move.target, move.columns, move.drafts)
        except BaseException:
            self._take_back(moves)
            raise
        self.catalog.drop(self.table("swap"))

    def _take_back(self, moves: Sequence[Move]) -> None:
        with refused("some twins are new, others old, until the next run puts them back", None, REPAIR):
            self._say("back")
            with contextlib.suppress(*failures()):  # it only makes room: the disk may be full
                for table in {table for move in moves for table, _ in move.drafts}:
                    self.catalog.remove(table)
        failed = [error for error in map(self._put_back, moves) if error]
        if failed:
            raise failed[0]
        self.catalog.drop(self.table("swap"))
        self.catalog.drop(self.table("back"))

    def _put_back(self, move: Move) -> ConnectorError | None:
        """An error keeps no other twin from being put back."""
        try:
            if move.kept is None:
                self.catalog.drop(move.target)
            elif not self._is_as_before(move, move.kept):
                _fill(self.catalog, move.target, move.before, [(move.kept, None)])
        except failures() as error:
            return ConnectorError(
                "the old twin can't be put back; its rows are kept",
                table=self.catalog.name(move.target),
                received=told(error),
                remedy=f"{REPAIR}: the next run into this schema begins with putting the old twins back",
            )
        return None

    def _is_as_before(self, move: Move, kept: Relation) -> bool:
        """So nothing is written to a table that refused it."""
        session, name = self.catalog.session, self.catalog.name
        try:
            if not self.catalog.is_there(move.target) or self.catalog.described(move.target) != move.before:
                return False
            now, before = session.table(name(move.target)), session.table(name(kept))
            return bool(now.count() == before.count() and now.exceptAll(before).isEmpty())
        except failures():  # half of it may be there; or a type can't be compared
            return False

    def _with_the_twin_before(self, move: Move, place: int) -> Move:
        if not self.catalog.is_there(move.target):
            return move
        kept, before = self.table(f"old_{place}"), self.catalog.described(move.target)
        rows = self.catalog.session.table(self.catalog.name(move.target))
        self.catalog.save(rows, kept, declared([(name, kind, True) for name, kind, _ in before]))
        return Move(move.target, move.columns, move.drafts, kept, before)

    def _say(self, word: str) -> None:
        table = self.catalog.name(self.table(word))
        self.catalog.run(f"create table if not exists {table} (x int) using parquet")

    def _said(self) -> set[str]:
        there = self.catalog.ours(self.schemas[0])
        return {word for word in ("swap", "back") if self.table(word) in there}

    def is_swapping(self) -> bool:
        """Whether its twins are partly in their places."""
        return bool(self._said())

    # ------------------------------------------------------------ locks

    def take(self, found: Signs) -> bool:
        """Make the locks, above those of dead runs.

        Args:
            found: All locks that are there. If there are others when ours are made, another one was quicker.
        """
        for schema in self.schemas:
            last = max((_number(k) for k in found if _schema_of(k) == _schema_of(schema)), default=0)
            lock = Relation(schema.database, schema.schema, f"{LOCK}{last + 1}")
            try:
                self.catalog.run(
                    f"create table {self.catalog.name(lock)} (x int) using parquet comment '{self.comment}'"
                )
            except failures() as error:
                self.give_back()
                if "already exists" not in str(error).lower():
                    raise
                return False
            self.locks.append(lock)
        if {k: v for k, v in _signs(self.catalog, self.schemas).items() if k not in self.locks} != found:
            self.give_back()
            return False
        self.beat()
        return True

    def beat(self) -> None:
        """Give a sign of life."""
        for lock in self.locks:
            beat = secrets.token_hex(4)
            self.catalog.run(f"alter table {self.catalog.name(lock)} set tblproperties ('beat' = '{beat}')")

    def _check_it_counts(self) -> None:
        with refused("the lock can't be read; no twin was changed"):
            signs = _signs(self.catalog, self.schemas)
        last = {_schema_of(lock): lock for lock in sorted(signs, key=_number)}
        if not all(last.get(_schema_of(k)) == k and self.comment in signs[k] for k in self.locks):
            raise ConnectorError(
                "another run has taken over, as this one gave no sign of life; no twin was changed",
                remedy="write again when the other run has ended",
            )

    def give_back(self) -> None:
        """Remove the locks, unless somebody has taken over and others have these names now."""
        signs = _signs(self.catalog, self.schemas)
        while self.locks:
            lock = self.locks.pop()
            if self.comment in signs.get(lock, ""):
                self.catalog.drop(lock)

    def end(self) -> None:
        """Remove its tables, but keep them for the next run if the twins are partly in their places."""
        if self.is_swapping():
            return
        for table in self.catalog.ours(self.schemas[0]):
            if table.identifier.startswith(self.table("").identifier):
                self.catalog.remove(table)
        self.give_back()


@contextlib.contextmanager
def alone_in(catalog: Catalog, schemas: Sequence[Relation]) -> Iterator[Run]:
    """Let no second run into some schemas, and bring to an end what a dead one has begun.

    Raises:
        ConnectorError: Another run has been writing there for a minute.
    """
    with refused("the schema can't be locked; no twin was changed"):
        run = _entered(catalog, schemas)
    stop = threading.Event()
    beating = threading.Thread(target=_beat, args=(run, stop), daemon=True)
    beating.start()
    try:
        yield run
    finally:
        stop.set()
        beating.join(BEAT_SECONDS)  # longer where the connection is lost
        try:
            run.end()
        except Exception as error:  # noqa: BLE001  it must not hide the first one
            logger.warning("%s* is left until the next run: %s", run.table("").identifier, told(error))


def settled(catalog: Catalog, schema: Relation) -> None:
    """Wait while twins take their places in a schema; after a killed run, put it in order.

    Raises:
        ConnectorError: That takes more than a minute, or can't be done.
    """
    for sign in _signs(catalog, [schema]).values():
        run = Run.of_sign(catalog, sign)
        if run and run.is_swapping():
            with alone_in(catalog, [Relation(schema.database, schema.schema, "")]):
                return


def _entered(catalog: Catalog, schemas: Sequence[Relation]) -> Run:
    first: Signs | None = None
    deadline, schemas = 0.0, _by_name(catalog, schemas)
    while True:
        found = _signs(catalog, schemas)
        if first is None:
            first, deadline = found, time.monotonic() + LOCK_SECONDS
        if found and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            continue
        if found and found != first:
            raise ConnectorError(
                f"another run is writing twins to {', '.join(sorted({lock.schema for lock in found}))}; "
                "no twin was changed",
                remedy="wait until it has ended, and try again",
            )
        dead = [_killed(catalog, lock, sign) for lock, sign in found.items()]
        needed = _by_name(catalog, [*schemas, *(schema for run in dead for schema in run.schemas)])
        if len(needed) > len(schemas):  # what it has begun goes on elsewhere
            schemas, first = needed, None
            continue
        run = Run(catalog, needed)
        if run.take(found):
            _put_in_order(run, dead, found)
            return run


def _killed(catalog: Catalog, lock: Relation, sign: str) -> Run:
    run = Run.of_sign(catalog, sign)
    if run is None:
        raise ConnectorError(
            "has the name of a lock, and no run of SynthoHive has made it; no twin was changed",
            table=catalog.name(lock),
            remedy="drop it",
        )
    return run


def _put_in_order(run: Run, dead: Iterable[Run], locks: Signs) -> None:
    try:
        for other in dead:
            _end_of(other)
        for schema in run.schemas:
            for table in run.catalog.ours(schema):
                if DRAFTS.fullmatch(table.identifier):
                    run.catalog.remove(table)
        for lock in sorted(locks, key=_number):
            run.catalog.drop(lock)
    except BaseException:
        run.give_back()
        raise


def _end_of(dead: Run) -> None:
    try:
        dead.settle()
    except ConnectorError as error:
        if dead.is_swapping():
            raise
        logger.warning("what a killed run had begun was taken back: %s", error)


def _beat(run: Run, stop: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        with contextlib.suppress(Exception):  # whatever it is, the run itself sees it, too
            run.beat()


def _signs(catalog: Catalog, schemas: Sequence[Relation]) -> Signs:
    """All locks, and per lock a text that every sign of life changes."""
    found = {}
    for schema in schemas:
        for lock in catalog.ours(schema):
            if LOCKS.fullmatch(lock.identifier):
                found[lock] = ""  # it may be gone before it is read
                with contextlib.suppress(*failures()):
                    found[lock] = str(catalog.run(f"describe table extended {catalog.name(lock)}"))
    return found


def _number(lock: Relation) -> int:
    return int(lock.identifier.removeprefix(LOCK))


def _schema_of(table: Relation) -> tuple[str, str]:
    return table.database, table.schema


def _by_name(catalog: Catalog, schemas: Sequence[Relation]) -> list[Relation]:
    """Each schema once, in an order that is the same for all runs."""
    known = {catalog.identity(schema): schema for schema in reversed(schemas)}
    return [known[identity] for identity in sorted(known, key=str)]


def _fill(
    catalog: Catalog,
    target: Relation,
    columns: Sequence[Column],
    drafts: Sequence[tuple[Relation, str | None]],
) -> None:
    """Replace the rows of a twin, which has these columns then. At once, where its format can do that."""
    catalog.create(target, columns)
    parts = [
        catalog.session.table(catalog.name(table))
        if column is None
        else catalog.session.table(catalog.name(table)).where(f"{column} is not null").select(f"{column}.*")
        for table, column in drafts
    ]
    casts = [
        f"cast({backticked([column]) if parts else 'null'} as {kind}) as {backticked([column])}"
        for column, kind, _ in columns
    ]
    frames = [part.selectExpr(*casts) for part in parts or [catalog.session.range(0)]]
    rows = frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])
    rows.write.insertInto(catalog.name(target), overwrite=True)
