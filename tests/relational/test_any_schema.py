"""Whatever the schema: a sound twin. For a longer search: SCHEMAS=5000 pytest tests/relational."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_schemas import Schema, schemas
from sound import twin_of

EXAMPLES = int(os.environ.get("SCHEMAS", "300"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=EXAMPLES == 300,
    print_blob=True,
)
@given(schema=schemas(), scale=st.sampled_from([0.5, 1.0, 2.0]), seed=st.integers(0, 99))
def test_any_schema_gets_a_sound_twin(schema: Schema, scale: float, seed: int) -> None:
    twin_of(schema.metadata, schema.data, scale=scale, seed=seed)
