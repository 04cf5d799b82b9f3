"""BigQuery: rows come by the Storage API, go by load jobs, and take their places in one transaction."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import google.auth
import pyarrow as pa
import pyarrow.parquet as pq
from google.api_core.exceptions import Forbidden, GoogleAPICallError, NotFound, RetryError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from requests.exceptions import RequestException

from synthohive_py.connectors.base import BATCH_ROWS, Connector, Place, Relation, check_columns, check_places
from synthohive_py.connectors.bigquery_types import Column, column_of, exact, field_of, fitted, name_of
from synthohive_py.connectors.reflection import Reflected, as_metadata
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["BigQueryConnector", "keys_of"]

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 4
OWN = "synthohive_tmp_"  # how the names of our unfinished tables begin
LIFE = dt.timedelta(days=1)  # of an unfinished table that a killed run has left
OPTIONS = ("credentials", "endpoint", "location")
ERRORS = (GoogleAPICallError, GoogleAuthError, RequestException, RetryError)

REMEDIES = {
    400: "see BigQuery's message",
    401: "correct the credentials",
    403: "grant this account the right that is missing",
    404: "correct the name of project, dataset or table, and its location",
}


class BigQueryConnector(Connector):
    """Reads and writes datasets; here, a schema is a dataset and a database is a project.

    Args:
        client: The way in.
        storage: The faster way to read; None to read by the client.
    """

    default_schema = ""  # there is none

    def __init__(self, client: bigquery.Client, storage: BigQueryReadClient | None = None) -> None:
        self._client, self._storage = client, storage
        self._is_own = False

    @classmethod
    def open(cls, address: Address) -> BigQueryConnector:
        unknown = [name for name in address.options if name not in OPTIONS]
        if unknown or not address.host or not address.schema or address.password:
            raise ConnectorError(
                "this is no URL of a BigQuery dataset",
                expected="bigquery://project?schema=dataset, and of the options " + ", ".join(OPTIONS),
                received=", ".join(unknown) or None,
                remedy="correct the URL; credentials come from the environment, or from the file that "
                "?credentials= names",
            )
        summary = f"the project {address.host!r} can't be reached, or does not let us in"
        with _refusing(summary):
            client = _client(address)
            with contextlib.ExitStack() as stack:
                stack.callback(client.close)
                asking = bigquery.QueryJobConfig(dry_run=True)
                client.query("select 1", asking, retry=None, timeout=CONNECT_SECONDS, job_retry=None)
                stack.pop_all()
        is_plain = "endpoint" in address.options
        storage = None if is_plain else BigQueryReadClient(credentials=client._credentials)  # noqa: SLF001
        connector = cls(client, storage)
        connector._is_own = True
        return connector

    @classmethod
    def of_session(cls, session: Any) -> BigQueryConnector:
        """The connector for what dbt gives a Python model: a session of BigFrames, or Spark's on Dataproc.

        Raises:
            ConnectorError: On Dataproc there are no credentials.
        """
        if hasattr(session, "bqclient"):
            return cls(session.bqclient, session.bqstoragereadclient)
        with _refusing("there is no way to BigQuery"):
            client = bigquery.Client()
            connector = cls(client, BigQueryReadClient(credentials=client._credentials))  # noqa: SLF001
        connector._is_own = True
        return connector

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        return Relation(self._client.project, schema, identifier)

    def reflect(self, schema: str) -> Metadata:
        with _refusing(f"the dataset {schema!r} can't be read"):
            dataset = f"{self._client.project}.{schema}"
            found = [
                item.reference for item in self._client.list_tables(dataset) if item.table_type == "TABLE"
            ]
            own = (ref for ref in found if not ref.table_id.startswith(OWN))
            tables = {ref.table_id: keys_of(self._client.get_table(ref)) for ref in own}
        return as_metadata(schema, dict(sorted(tables.items())))

    def count(self, relation: Relation) -> int:
        with _refusing("can't be read", relation):
            [row] = self._client.query_and_wait(f"select count(*) as n from {_named(relation)}")  # noqa: S608
            return int(row["n"])

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        with _refusing("can't be read", relation):
            table = self._client.get_table(_ref(relation))
            fields = {field.name: field for field in table.schema}
            check_columns(_named(relation), columns or (), fields)
            asked = [column_of(fields[name], _named(relation)) for name in columns or fields]
            yield pa.schema([(column.name, column.type) for column in asked]).empty_table()
            for batch in self._stream(table, asked):
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield exact(batch.slice(start, BATCH_ROWS), asked)

    def _stream(self, table: bigquery.Table, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
        """The rows, by the Storage API if this account may use it."""

        def rows() -> Any:
            if table.table_type == "TABLE" and not any(column.is_odd for column in columns):
                fields = {field.name: field for field in table.schema}
                return self._client.list_rows(table, [fields[column.name] for column in columns])
            listed = ", ".join(f"{column.asked} as {name_of(column.name)}" for column in columns)
            named = name_of(table.project, table.dataset_id, table.table_id)
            return self._client.query_and_wait(f"select {listed} from {named}")  # noqa: S608  quoted

        if self._storage is not None:
            batches = rows().to_arrow_iterable(bqstorage_client=self._storage, max_stream_count=1)
            try:
                first = next(batches, None)
            except Forbidden as error:
                logger.info("rows are read slowly, without the Storage API: %s", _message(error))
            else:
                if first is not None:
                    yield first
                    yield from batches
                return
        yield from rows().to_arrow_iterable()

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places, self.identity)
        current: list[Place] = []  # the one that is being written, for the error
        summary = "the twin can't be written; no twin was changed"
        with (
            _refusing(summary, lambda: current[0].target if current else None),
            _workshop(self._client, [place.target for place in places.values()]) as workshop,
        ):
            drafts = {}
            for name, place in places.items():
                current[:] = [place]
                drafts[name] = _Draft(workshop, place)

            def add(name: str, rows: pa.Table) -> None:
                current[:] = [places[name]]
                drafts[name].add(rows)

            yield add
            for name, draft in drafts.items():
                current[:] = [places[name]]
                draft.load()
            current.clear()
            workshop.publish(list(drafts.values()))
        logger.info("%d twins written", len(places))

    def close(self) -> None:
        if self._is_own:
            self._client.close()


def _client(address: Address) -> bigquery.Client:
    options: dict[str, Any] = {}
    endpoint = address.options.get("endpoint")
    if endpoint:
        options["client_options"] = {"api_endpoint": endpoint}
    if endpoint and endpoint.startswith("http://"):
        options["credentials"] = AnonymousCredentials()  # no secret goes where everybody may read it
    elif "credentials" in address.options:
        try:
            options["credentials"], _ = google.auth.load_credentials_from_file(address.options["credentials"])
        except (GoogleAuthError, OSError, ValueError) as error:
            raise ConnectorError(
                "the file with the credentials can't be read",
                received=type(error).__name__,  # its text may show what is in the file
                remedy="name the key file of a service account: ?credentials=/folder/key.json",
            ) from None
    location = address.options.get("location")
    return bigquery.Client(project=address.host, location=location, **options)


class _Workshop:
    """A folder for the rows, and what has to be taken away in the end.

    Args:
        client: The way in.
        folder: For the rows of each twin, until they are loaded.
    """

    def __init__(self, client: bigquery.Client, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.made: list[bigquery.TableReference] = []  # tables that go if there is an error
        self.helpers: list[bigquery.TableReference] = []  # tables that go in any case

    def create(self, relation: Relation, fields: Sequence[bigquery.SchemaField]) -> None:
        """Create a table of our own, or a twin that is not there yet."""
        table = bigquery.Table(_ref(relation), schema=list(fields))
        is_helper = relation.identifier.startswith(OWN)
        if is_helper:
            table.expires = dt.datetime.now(dt.timezone.utc) + LIFE
        self.client.create_table(table)
        (self.helpers if is_helper else self.made).append(table.reference)

    def publish(self, drafts: Sequence[_Draft]) -> None:
        """Put all new rows into their places at once, as far as tables need not be replaced.

        No table is created or replaced within a transaction, so that comes before and after.
        """
        for draft in drafts:
            if draft.is_new:
                self.create(draft.target, draft.fields)
        statements = [statement for draft in drafts for statement in draft.statements()]
        script = ";\n".join(["begin transaction", *statements, "commit transaction"])
        self.client.query(f"{script};").result()
        self.made.clear()
        for draft in drafts:
            if draft.table != draft.target:
                self._replace(draft)

    def _replace(self, draft: _Draft) -> None:
        summary = "has other columns than before, and could not be replaced; other twins were written"
        with _refusing(summary, draft.target):
            truncate = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
            self.client.copy_table(_ref(draft.table), _ref(draft.target), job_config=truncate).result()

    def clear(self, tables: Sequence[bigquery.TableReference]) -> None:
        """Take tables away; what can't be is logged, as the twins are written or the error is on its way."""
        try:
            for table in tables:
                self.client.delete_table(table, not_found_ok=True)
        except ERRORS as error:
            logger.warning("tables %s... may be left: %s", OWN, _message(error))


@contextlib.contextmanager
def _workshop(client: bigquery.Client, targets: Sequence[Relation]) -> Iterator[_Workshop]:
    """Make the datasets that are missing, and leave nothing unfinished."""
    made = []
    for project, schema in sorted({(target.database, target.schema) for target in targets}):
        dataset = bigquery.DatasetReference(project or client.project, schema)
        try:
            client.get_dataset(dataset)
        except NotFound:
            made.append(client.create_dataset(dataset))
    with tempfile.TemporaryDirectory(prefix="synthohive-") as folder:
        workshop = _Workshop(client, Path(folder))
        try:
            yield workshop
        except BaseException:
            workshop.clear([*workshop.made, *workshop.helpers])
            with contextlib.suppress(*ERRORS):  # somebody has put a table there
                for dataset in made:
                    client.delete_dataset(dataset)
            raise
        workshop.clear(workshop.helpers)


class _Draft:
    """A twin while it grows: rows in a file, then in a table of our own, then in their place.

    A twin that was there, with the columns that the new one has, is kept with what the user has tied to it;
    only its rows are replaced. One with other columns grows beside it.
    """

    def __init__(self, workshop: _Workshop, place: Place) -> None:
        self.workshop, self.target = workshop, place.target
        client = workshop.client
        fields = (
            self._nearest(place.schema)
            if place.source is None
            else client.get_table(_ref(place.source)).schema
        )
        self.columns = {field.name: column_of(field, _named(self.target)) for field in fields}
        self.fields = [column.field for column in self.columns.values()]
        self.table, self.is_new = self.target, False
        try:
            old = client.get_table(_ref(self.target))
        except NotFound:
            self.is_new = True
        else:
            if old.table_type != "TABLE":
                raise self._refused("what stands in the twin's place is no table", "drop it")
            if _shape(column_of(f, _named(self.target)).field for f in old.schema) != _shape(self.fields):
                self.table = self._beside()
                workshop.create(self.table, self.fields)
        self.loaded = self._beside()
        self.schema = pa.schema([(column.name, column.type) for column in self.columns.values()])
        self.path = workshop.folder / f"{self.loaded.identifier}.parquet"
        self.writer: pq.ParquetWriter | None = None
        self.names: list[str] = []

    def _beside(self) -> Relation:
        return Relation(self.target.database, self.target.schema, OWN + secrets.token_hex(8))

    def _nearest(self, schema: pa.Schema | None) -> list[bigquery.SchemaField]:
        fields = []
        for field in schema or ():
            found = field_of(field.name, field.type)
            if found is None:
                what = f"has the type {field.type}, which can't be written"
                raise self._refused(what, "leave the column out", column=field.name)
            fields.append(found)
        return fields

    def add(self, rows: pa.Table) -> None:
        """Write rows to the file; columns are matched by name."""
        arrays = {}
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            if name not in self.columns:
                raise self._refused(
                    "there is no such column in the source", "leave the column out", column=name
                )
            try:
                arrays[name] = fitted(self.columns[name], values)
            except pa.ArrowException as error:
                raise self._refused(
                    "values don't fit the column's type",
                    "check the types of the rows",
                    column=name,
                    expected=str(self.columns[name].type),
                    received=str(values.type),
                ) from error
        if not rows.num_rows or not arrays:
            return
        table = pa.table(arrays)
        if self.writer is None:
            self.names = table.column_names
            self.writer = pq.ParquetWriter(self.path, table.schema)
        self.writer.write_table(table.select(self.names))

    def load(self) -> None:
        """Load the file into a table of our own."""
        if self.writer is None:
            return
        self.writer.close()
        wires = [self.columns[name].wire for name in self.names]
        self.workshop.create(self.loaded, wires)
        options = bigquery.ParquetOptions()
        options.enable_list_inference = True
        config = bigquery.LoadJobConfig(
            source_format="PARQUET", schema=wires, write_disposition="WRITE_APPEND", parquet_options=options
        )
        with self.path.open("rb") as file:
            self.workshop.client.load_table_from_file(file, _ref(self.loaded), job_config=config).result()

    def statements(self) -> list[str]:
        """What replaces the rows, within a transaction."""
        found = [f"delete from {_named(self.table)} where true"]  # noqa: S608  quoted
        if self.writer is not None:
            names = ", ".join(map(name_of, self.names))
            values = ", ".join(self.columns[name].given for name in self.names)
            found.append(
                f"insert into {_named(self.table)} ({names}) "  # noqa: S608  quoted
                f"select {values} from {_named(self.loaded)}"
            )
        return found

    def _refused(self, summary: str, remedy: str, **facts: str) -> ConnectorError:
        return ConnectorError(
            f"{summary}; no twin was changed", table=_named(self.target), remedy=remedy, **facts
        )


def keys_of(table: bigquery.Table) -> Reflected:
    """The keys that BigQuery knows of a table; foreign keys to another dataset are left out."""
    found = Reflected()
    constraints = table.table_constraints
    if constraints is None:
        return found
    if constraints.primary_key is not None:
        found.pk = tuple(constraints.primary_key.columns)
    for key in constraints.foreign_keys or ():
        parent = key.referenced_table
        if (parent.project, parent.dataset_id) == (table.project, table.dataset_id):
            columns = tuple(pair.referencing_column for pair in key.column_references)
            theirs = tuple(pair.referenced_column for pair in key.column_references)
            found.foreign_keys.append(
                ForeignKey(columns=columns, parent=parent.table_id, parent_columns=theirs)
            )
    return found


def _shape(fields: Any) -> list[dict[str, Any]]:
    return [field.to_api_repr() for field in fields]


def _ref(relation: Relation) -> bigquery.TableReference:
    dataset = bigquery.DatasetReference(relation.database, relation.schema)
    return bigquery.TableReference(dataset, relation.identifier)


def _named(relation: Relation) -> str:
    return name_of(relation.database, relation.schema, relation.identifier)


@contextlib.contextmanager
def _refusing(summary: str, table: Relation | Callable[[], Relation | None] | None = None) -> Iterator[None]:
    try:
        yield
    except ERRORS as error:
        where = table() if callable(table) else table
        raise ConnectorError(
            summary,
            table=None if where is None else _named(where),
            received=_message(error),
            remedy=REMEDIES.get(_code(error), "check network and credentials, and try again"),
        ) from None  # the client's own error may show values


def _code(error: Exception) -> int:
    return int(getattr(error, "code", None) or 0)


def _message(error: Exception) -> str:
    """BigQuery's own words in one line, without the values in them."""
    line = " ".join(str(getattr(error, "message", None) or error).split())
    return re.sub(r"(\bvalue:?|literal) (\"[^\"]*\"|'[^']*'|\S+)", r"\1 ...", line)[:300]
