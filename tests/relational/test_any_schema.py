"""Whatever the schema: a sound twin. For a longer search: SCHEMAS=5000 pytest tests/relational."""

from __future__ import annotations

import os
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_schemas import Schema, schemas
from sound import twin_of

from synthohive_py.relational import shards

EXAMPLES = int(os.environ.get("SCHEMAS", "300"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 300,
    print_blob=True,
)
@given(
    schema=schemas(),
    scale=st.sampled_from([0.5, 1.0, 2.0]),
    seed=st.integers(0, 99),
    shard_rows=st.sampled_from([shards.SHARD_ROWS, 40]),
    append=st.booleans(),
)
def test_any_schema_gets_a_sound_twin(
    schema: Schema, *, scale: float, seed: int, shard_rows: int, append: bool
) -> None:
    """Also if a large twin is made, shard by shard, and if rows are added to it."""
    few = {"WHOLE_ROWS": 4, "SHARD_SHARE": 1} if shard_rows < 100 else {}
    with patch.multiple(shards, SHARD_ROWS=shard_rows, **few):
        twin_of(schema.metadata, schema.data, scale=scale, seed=seed, append=append)
