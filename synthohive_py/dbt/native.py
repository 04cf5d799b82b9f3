"""What a Python model of dbt is given and what it returns: data frames of each warehouse's own kind."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["as_native", "rows_of"]

# Of the columns that our models return; a column without any value has a type all the same. Texts are objects
# in pandas 2 and strings in pandas 3: the kind of both is O.
SPARK_TYPES = {"O": "string", "i": "bigint", "f": "double", "b": "boolean"}


def rows_of(relation: Any) -> list[dict[str, Any]]:
    """The rows of what `dbt.ref` gives, whatever it is, with the names of the columns in lower case.

    Args:
        relation: Of DuckDB and Postgres a relation; of Spark, Snowpark and BigFrames a data frame.
    """
    # DuckDB and our own; Spark 4; Snowpark and BigFrames.
    for method in ("to_arrow_table", "toArrow", "to_arrow"):
        if hasattr(type(relation), method):  # of a Spark frame itself every name is a column
            rows = getattr(relation, method)().to_pylist()
            break
    else:
        rows = [row.asDict() for row in relation.collect()]  # Spark 3
    return [{name.lower(): value for name, value in row.items()} for row in rows]


def as_native(frame: pd.DataFrame, session: Any) -> Any:
    """What a Python model returns, so that dbt's own code writes it and SQL finds its columns.

    Args:
        frame: The rows.
        session: What dbt hands to a Python model.

    Returns:
        For Snowpark a frame whose columns are in capitals, as names without quotes are there; for BigFrames
        and Spark one of their own; else the frame itself.
    """
    module = type(session).__module__
    if module.startswith("snowflake.snowpark."):
        return frame.rename(columns=str.upper)
    if module.startswith("bigframes."):
        # A column without any value has a type all the same.
        texts = {name: "string" for name in frame.columns if frame[name].dtype.kind == "O"}
        return session.read_pandas(frame.astype(texts))
    if module.startswith("pyspark.sql."):
        kinds = ", ".join(f"{name} {SPARK_TYPES[frame[name].dtype.kind]}" for name in frame.columns)
        # Not the frame itself: no version of Spark knows all versions of pandas.
        rows = (
            tuple(None if pd.isna(value) else value for value in row)
            for row in frame.itertuples(index=False, name=None)
        )
        return session.createDataFrame(list(rows), schema=kinds)
    return frame
