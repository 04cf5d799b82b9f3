"""Data frames to Arrow tables and back, with exactly the dtypes they had.

Inside the engine every table is a `pyarrow.Table`: it has exact integers, decimals, dates and nulls, and
every connector speaks it. pandas is met only at the door.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthohive_py.arrowtypes import is_nested_type, is_uuid_type, type_from_text, type_to_text
from synthohive_py.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["check_tables", "dtypes_of", "from_arrow", "to_arrow"]

ARROW = "arrow:"  # marks a dtype of pandas that wraps an Arrow type, whose name pandas can't read back


def check_tables(data: object) -> None:
    """Refuse what is no mapping of names to tables.

    Raises:
        DataError: It is not.
    """
    wrong = [name for name in data if not isinstance(name, str)] if isinstance(data, Mapping) else []
    if wrong or not isinstance(data, Mapping):
        raise DataError(
            "the data are no tables by name",
            expected='a dict such as {"orders": frame}',
            received=f"the name {wrong[0]!r}" if wrong else type(data).__name__,
            remedy="pass each table under the name it is declared with",
        )


def to_arrow(frame: pa.Table | pd.DataFrame, table: str) -> pa.Table:
    """The frame as an Arrow table; NaN, NaT and None become null.

    Args:
        frame: A pandas frame, or an Arrow table, which is returned with plain (decoded) columns.
        table: The table's name, for error messages.

    Raises:
        DataError: A column mixes types or has no text for a name, or two columns have one name.
    """
    import pandas as pd
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        names, arrays = frame.column_names, [column.combine_chunks() for column in frame.columns]
    elif isinstance(frame, pd.DataFrame):
        names = [_label(name, table) for name in frame.columns]
        arrays = [_series_to_arrow(frame.iloc[:, i], table, name) for i, name in enumerate(names)]
    else:
        raise DataError(
            "is not a table",
            table=table,
            expected="a pandas DataFrame or a pyarrow Table",
            received=type(frame).__name__,
            remedy="load the data into a pandas DataFrame first",
        )
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise DataError(
            "has several columns of one name",
            table=table,
            column=", ".join(duplicates),
            remedy="rename the columns so that each name is unique",
        )
    return pa.table([_decoded(array) for array in arrays], names=names)


def _label(name: object, table: str) -> str:
    if not isinstance(name, str) or name != name.encode(errors="ignore").decode():
        raise DataError(
            "has a column whose name is no text",
            table=table,
            column=ascii(name),
            expected="a text, in valid Unicode",
            received=f"{name!a} ({type(name).__name__})",
            remedy="rename the columns to texts, for example with frame.columns = [...]",
        )
    return name


def _series_to_arrow(series: pd.Series, table: str, name: str) -> pa.Array:
    import pyarrow as pa

    try:
        array = pa.Array.from_pandas(series)
    except pa.ArrowNotImplementedError as error:
        raise DataError(
            f"has the type {series.dtype}, which can't be learned",
            table=table,
            column=name,
            expected="numbers, booleans, text, dates or times",
            remedy="convert the column to one of these, or leave it out",
        ) from error
    except UnicodeEncodeError as error:
        raise DataError(
            "holds text that is no valid Unicode: half of a surrogate pair",
            table=table,
            column=name,
            expected="text that can be written as UTF-8",
            remedy="repair it, for example with .map(lambda text: text.encode('utf-8', 'replace').decode())",
        ) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        kinds = sorted({type(value).__name__ for value in series.dropna().head(1000)})
        raise DataError(
            "mixes values that have no common type",
            table=table,
            column=name,
            expected="one type",
            received=", ".join(kinds),
            remedy="convert the column to one type, for example with .astype('string')",
        ) from None  # Arrow's words hold the value
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _decoded(array: pa.Array) -> pa.Array:
    """The array without dictionary encoding or views: one representation for all later stages."""
    import pyarrow as pa

    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    if array.type in plain:
        array = array.cast(plain[array.type])

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # more than 2 GB of text does not fit one chunk
            array = pa.concat_arrays(array.chunks)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def dtypes_of(frame: pa.Table | pd.DataFrame, *, threshold: int) -> dict[str, str]:
    """The pandas dtype of each column, as text that an artefact can keep.

    Arrow tables have none: their columns come back with the pandas dtype of their Arrow type.

    Args:
        frame: The real rows.
        threshold: Categories held by fewer rows are not kept.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        return {}
    return {str(name): _dtype_text(frame.iloc[:, i], threshold) for i, name in enumerate(frame.columns)}


def _dtype_text(series: pd.Series, threshold: int) -> str:
    """The dtype's name, or what it does not say: how texts are stored, the order of categories."""
    import pandas as pd

    dtype: Any = series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return ARROW + type_to_text(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        counts = series.value_counts(sort=False).reindex(dtype.categories).to_numpy()
        shared = dtype.categories[counts >= threshold].tolist()
        if not all(isinstance(value, str | int | float) for value in shared):
            return "category"  # JSON has no dates
        return f"category{json.dumps([bool(dtype.ordered), shared, str(dtype.categories.dtype)])}"
    storage = getattr(dtype, "storage", None)
    return f"string[{storage}]" if storage and str(dtype) == "string" else str(dtype)


def from_arrow(table: pa.Table, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """The table as a data frame whose columns have the dtypes they were read with.

    Args:
        table: The Arrow table.
        dtypes: What `dtypes_of` said of the real frame; columns without an entry are mapped to
            the nullable pandas dtype of their Arrow type.
    """
    import pandas as pd

    columns = {name: _to_series(table.column(name), dtypes.get(name)) for name in table.column_names}
    return pd.DataFrame(columns, columns=table.column_names)


def _categories(column: pa.ChunkedArray, kept: str) -> pd.Series:
    """The values as categories, in the order that the real ones have."""
    import pandas as pd

    ordered, shared, dtype = json.loads(kept) if kept else (False, [], None)
    series = column.to_pandas(integer_object_nulls=True)
    more = sorted({*series.dropna().unique()} - {*shared})  # a declared domain may have rare values
    categories = pd.Index([*shared, *more], dtype=dtype)
    return series.astype(pd.CategoricalDtype(categories, ordered=ordered))


def _to_series(column: pa.ChunkedArray, dtype: str | None) -> pd.Series:
    import pandas as pd

    if dtype is None and is_uuid_type(column.type):  # pandas does not print Arrow's
        return pd.Series(column.to_pylist(), dtype=object)
    if dtype is None:
        return pd.Series(pd.arrays.ArrowExtensionArray(column))
    if dtype.startswith(ARROW):
        return pd.Series(pd.arrays.ArrowExtensionArray(_cast(column, type_from_text(dtype[len(ARROW) :]))))
    if dtype.startswith("category"):
        return _categories(column, dtype.removeprefix("category"))
    if dtype.startswith(("Int", "UInt", "Float", "boolean")):
        # Through the Arrow array, so that large integers beside a null never pass through float.
        return pd.Series(pd.arrays.ArrowExtensionArray(column)).astype(pd.api.types.pandas_dtype(dtype))
    series = column.to_pandas(date_as_object=True)
    if dtype == "object" and (is_nested_type(column.type) or str(series.dtype) != dtype):
        return pd.Series(column.to_pylist(), dtype=object)  # Python's own values, and None
    return series if str(series.dtype) == dtype else series.astype(pd.api.types.pandas_dtype(dtype))


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in the type it was read with, which `to_arrow` made plain."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(kind):
        return column.cast(kind)
    # A large twin may have more values than the indices of the real column can count.
    is_narrow = pc.count_distinct(column).as_py() > 2 ** (kind.index_type.bit_width - 1)
    wide = pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
    return column.cast(kind.value_type).dictionary_encode().cast(wide if is_narrow else kind)
