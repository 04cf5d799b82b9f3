"""A CSV file as a table with types, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

__all__ = ["CSVFile"]

GROUP_BYTES = 1 << 28  # of the file, whose columns are looked at together


class CSVFile:
    """A file with a line of names, then rows; UTF-8, commas.

    A field with nothing in it, and without quotes, is a null. All other texts are values, `NA` too.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def schema(self) -> pa.Schema:
        """Per column the narrowest type that all of its values have.

        Arrow's stream takes the types of the first rows, and ends at a later one that differs. So all rows
        are looked at before, as many columns at a time as take little memory.

        Raises:
            ArrowException: It is no CSV file.
            OSError: It can't be read.
        """
        with pc.open_csv(self.path, parse_options=_parsing(), convert_options=_converting()) as stream:
            names = stream.schema.names
        groups = max(-(-self.path.stat().st_size // GROUP_BYTES), 1)
        fields = {}
        for start in range(min(groups, len(names))):
            some = names[start::groups]
            table = pc.read_csv(self.path, parse_options=_parsing(), convert_options=_converting(some))
            fields.update({field.name: field for field in table.schema})
        return pa.schema([fields[name] for name in names])

    def to_batches(self, columns: Sequence[str], **_: int) -> Iterator[pa.RecordBatch]:
        """The rows in pieces of about a megabyte.

        Args:
            columns: Which columns, in this order.
            _: What a dataset of Arrow takes, too; the pieces stay as they are.
        """
        converting = _converting(columns)
        converting.column_types = pa.schema([self.schema.field(name) for name in columns])
        with pc.open_csv(self.path, parse_options=_parsing(), convert_options=converting) as stream:
            yield from stream

    def count_rows(self) -> int:
        """How many rows there are."""
        return sum(batch.num_rows for batch in self.to_batches(self.schema.names[:1]))


def _parsing() -> pc.ParseOptions:
    return pc.ParseOptions(newlines_in_values=True)


def _converting(columns: Sequence[str] | None = None) -> pc.ConvertOptions:
    return pc.ConvertOptions(
        include_columns=columns,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
