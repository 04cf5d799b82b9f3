"""Google's cloud for dbt: BigQuery is the emulator, and what dbt submits runs on Sail or with BigFrames.

What dbt speaks with is replaced where the packages of Google begin: the credentials, and the clients of the
bucket, of Dataproc and of the notebooks. All before that is dbt's own adapter, and BigFrames is Google's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import bigframes.pandas as bpd
import google.auth
import grpc
import pytest
from bigframes.session import Session
from bigquery_spark import BigQuery
from dbt.adapters.bigquery import credentials, python_submissions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.aiplatform_v1 import JobState, NotebookExecutionJob
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.dataproc_v1 import Job, JobReference, JobStatus
from pyspark.sql import SparkSession

SESSION = "of_a_session"  # the dataset for tables that end with it
PLACE = "projects/acme/locations/europe-west1"

# A session that is left over, as after an error, would for ten minutes ask an emulator that has gone.
del Session.__del__


class Account(AnonymousCredentials):
    """Who runs dbt, and what it submits."""

    service_account_email = "dbt@acme.iam.gserviceaccount.com"


@dataclass
class Cloud:
    """A bucket, Dataproc and notebooks, with what was submitted to them.

    Args:
        emulator: The URL of BigQuery, and the port of its Storage API.
        spark: The URL of a server of Spark Connect.
    """

    emulator: tuple[str, int]
    spark: str
    files: dict[str, str] = field(default_factory=dict)
    batches: dict[str, Any] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    notebooks: list[str] = field(default_factory=list)

    # ------------------------------------------------------------ what dbt calls

    def replaces(self, monkeypatch: pytest.MonkeyPatch) -> Cloud:
        """Let dbt, BigFrames and our connector find this one."""
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", self.emulator[0])
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
        monkeypatch.setenv("SPARK_REMOTE", self.spark)
        for module in (google.auth, credentials):
            monkeypatch.setattr(module, "default", lambda *_, **__: (Account(), "acme"))
        storage = grpc.insecure_channel(
            f"127.0.0.1:{self.emulator[1]}", options=[("grpc.max_receive_message_length", -1)]
        )
        monkeypatch.setattr(BigQueryReadGrpcTransport, "create_channel", lambda *_, **__: storage)
        mend(monkeypatch)

        bucket, batches, clusters, notebooks = MagicMock(), MagicMock(), MagicMock(), MagicMock()
        bucket.bucket.side_effect = bucket.get_bucket.side_effect = self._bucket
        batches.create_batch.side_effect = self._batch
        clusters.submit_job_as_operation.side_effect = self._job
        notebooks.create_notebook_execution_job.side_effect = self._notebook
        notebooks.list_notebook_runtime_templates.return_value = [
            SimpleNamespace(name=f"{PLACE}/notebookRuntimeTemplates/1")
        ]
        notebooks.get_notebook_execution_job.side_effect = lambda name: NotebookExecutionJob(
            name=name, job_state=JobState.JOB_STATE_SUCCEEDED
        )
        for name, client in (
            ("gcs", bucket),
            ("dataproc_batch_controller", batches),
            ("dataproc_job_controller", clusters),
            ("notebook", notebooks),
        ):
            monkeypatch.setattr(python_submissions, f"create_{name}_client", lambda *_, found=client: found)
        return self

    def _bucket(self, name: str) -> Any:
        def blob(path: str) -> Any:
            uri = f"gs://{name}/{path}"
            return SimpleNamespace(
                upload_from_string=lambda text: self.files.update({uri: text}),
                download_as_text=lambda: self.files.get(uri, "{}"),  # what a notebook has printed is not kept
            )

        return SimpleNamespace(blob=blob)

    def _batch(self, request: Any) -> Any:
        uri = request.batch.pyspark_batch.main_python_file_uri
        self.batches[uri] = request.batch
        self._run_on_dataproc(uri)
        return MagicMock()

    def _job(self, request: dict[str, Any]) -> Any:
        self.jobs.append(request["job"]["pyspark_job"]["main_python_file_uri"])
        self._run_on_dataproc(self.jobs[-1])
        done = Job(reference=JobReference(job_id="1"), status=JobStatus(state=JobStatus.State.DONE))
        return SimpleNamespace(result=lambda polling: done)  # noqa: ARG005

    def _notebook(self, request: Any) -> Any:
        self.notebooks.append(request.notebook_execution_job.gcs_notebook_source.uri)
        self._run_with_bigframes(self.notebooks[-1])
        name = f"{PLACE}/notebookExecutionJobs/1/operations/1"
        return SimpleNamespace(operation=SimpleNamespace(name=name))

    # ------------------------------------------------------------ where it runs

    def _run_on_dataproc(self, uri: str) -> None:
        session = SparkSession.builder.getOrCreate()
        session.dataSource.register(BigQuery)
        try:
            run(self.files[uri])
        finally:
            session.stop()

    def _run_with_bigframes(self, uri: str) -> None:
        [cell] = json.loads(self.files[uri])["cells"]
        with self.bigframes():
            run("".join(cell["source"]))

    @contextmanager
    def bigframes(self) -> Iterator[None]:
        """A notebook's program, which has its credentials from where it runs."""
        bpd.options.bigquery.credentials = Account()
        try:
            yield
        finally:
            bpd.close_session()


def run(code: str) -> None:
    """A program of its own."""
    exec(compile(code, "submitted", "exec"), {"__name__": "__main__"})  # noqa: S102  dbt's


def mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what BigFrames asks of BigQuery and the emulator does not do."""
    plain = {name: getattr(bigquery.Client, name) for name in ("get_table", "query", "query_and_wait")}

    def get_table(self: bigquery.Client, *args: Any, **kwargs: Any) -> bigquery.Table:
        """It does not say where a table is."""
        table = plain["get_table"](self, *args, **kwargs)
        table._properties.setdefault("location", self.location)
        return table

    def query(self: bigquery.Client, query: str, *args: Any, **kwargs: Any) -> Any:
        """It has no tables of a session, no rows to insert, and writes no rows to the table of a job."""
        query = query.replace("CREATE TEMP TABLE `_SESSION`.", f"CREATE TABLE `{SESSION}`.")
        query = query.replace("THEN INSERT ROW", "THEN INSERT *")
        config = kwargs.get("job_config")
        if config is not None and config.destination is not None:
            is_new = config.write_disposition == "WRITE_TRUNCATE"
            verb = "create or replace table `{}` as" if is_new else "insert into `{}`"
            plain["query"](self, f"{verb.format(config.destination)} {query}").result()
        return plain["query"](self, query, *args, **kwargs)

    def query_and_wait(self: bigquery.Client, query: str, *args: Any, **kwargs: Any) -> Any:
        """It takes the name for the function's."""
        query = query.replace("AS `current_timestamp`", "AS `now`")
        return plain["query_and_wait"](self, query, *args, **kwargs)

    for changed in (get_table, query, query_and_wait):
        monkeypatch.setattr(bigquery.Client, changed.__name__, changed)
