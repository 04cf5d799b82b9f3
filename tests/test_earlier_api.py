"""Programs for the earlier implementation run here, with only the path of their imports changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sail_server import sail_server, sail_session

from synthohive_py import (
    CTGAN,
    ConditionalGenerativeModel,
    ConnectorError,
    Constraint,
    ConstraintViolationError,
    DataError,
    GenerationError,
    Metadata,
    PrivacyConfig,
    PrivacyError,
    SchemaError,
    SchemaValidationError,
    SerializationError,
    SettingError,
    Synthesizer,
    SynthoHiveError,
    TableConfig,
    TrainingError,
)

# Earlier settings tell what to use instead; that they do is one of the tests.
pytestmark = pytest.mark.filterwarnings("ignore:.*is a setting of the past:FutureWarning")

Frames = dict[str, pd.DataFrame]


def frames() -> Frames:
    rng = np.random.default_rng(0)
    users = pd.DataFrame(
        {
            "user_id": range(1, 121),
            "age": rng.integers(18, 80, 120),
            "city": rng.choice(["NY", "SF", "LA"], 120),
            "premium": rng.random(120) < 0.3,
        }
    )
    of = rng.integers(1, 121, 400)
    orders = pd.DataFrame(
        {
            "order_id": range(1, 401),
            "user_id": of,
            "amount": np.round(
                rng.exponential(50, 400) * np.where(users["premium"].to_numpy()[of - 1], 3, 1), 2
            ),
            "status": rng.choice(["new", "paid", "sent"], 400),
        }
    )
    return {"users": users, "orders": orders}


def shop() -> Metadata:
    metadata = Metadata()
    metadata.add_table(
        name="users",
        pk="user_id",
        high_cardinality_cols=["city"],
        constraints={"age": Constraint(dtype="int", min=18, max=80)},
    )
    metadata.add_table(
        name="orders",
        pk="order_id",
        fk={"user_id": "users.user_id"},
        parent_context_cols=["city", "premium"],
        constraints={"amount": {"min": 0}},
        linkage_method="empirical",
    )
    return metadata


# ---------------------------------------------------------------- the quickstart, and what followed it


def test_the_quickstart(tmp_path: Path) -> None:
    real = frames()
    metadata = shop()
    metadata.validate_schema(real)
    small = {"hidden": 4, "max_steps": 20}  # so that the test is quick
    synthesizer = Synthesizer(
        metadata=metadata, privacy_config=PrivacyConfig(), embedding_threshold=50, model_options=small
    )

    synthesizer.fit(
        data=real,
        sampling_strategy="relational_stratified",
        sample_size=300,
        validate=True,
        epochs=2,
        batch_size=100,
        progress_bar=False,
        checkpoint_interval=10,
        checkpoint_dir=str(tmp_path / "checkpoints"),
        generator_dim=(64, 64),
    )
    synthetic = synthesizer.sample(num_rows={"users": 50})

    assert len(synthetic["users"]) == 50
    assert set(synthetic["orders"]["user_id"]) <= set(synthetic["users"]["user_id"])
    assert synthetic["users"]["age"].between(18, 80).all()
    assert synthetic["users"].dtypes.to_dict() == real["users"].dtypes.to_dict()
    assert synthesizer.settings.max_training_rows == 300
    assert synthesizer.model_options == {**small, "epochs": 2, "batch_size": 100}
    assert any((tmp_path / "checkpoints").iterdir())


def test_save_and_load(tmp_path: Path) -> None:
    synthesizer = Synthesizer(shop(), PrivacyConfig(k_anonymity_threshold=3), None, model=CTGAN)
    synthesizer.fit(frames(), epochs=1, batch_size=100, progress_bar=False)
    synthesizer.save(str(tmp_path / "shop.pkl"))

    again = Synthesizer.load(str(tmp_path / "shop.pkl"), progress=False)

    for name, frame in again.sample(num_rows={"users": 9}).items():
        pd.testing.assert_frame_equal(frame, synthesizer.sample(num_rows={"users": 9})[name])


@pytest.mark.parametrize("kind", ["csv", "parquet", "delta"])
def test_tables_come_from_files_and_go_to_files(tmp_path: Path, kind: Any) -> None:
    paths = {}
    for name, frame in frames().items():
        paths[name] = str(tmp_path / f"{name}.{'csv' if kind == 'csv' else 'parquet'}")
        frame.to_csv(paths[name], index=False) if kind == "csv" else frame.to_parquet(
            paths[name], index=False
        )
    synthesizer = Synthesizer(metadata=shop(), model="gaussian_copula", progress=False).fit(paths)

    written = synthesizer.sample(
        num_rows={"users": 30}, output_format=kind, output_path=str(tmp_path / "twin")
    )
    again = Synthesizer(metadata=shop(), model="gaussian_copula", progress=False).fit(written)

    assert len(again.sample()["users"]) == 30


def test_the_report_reads_files_and_frames(tmp_path: Path) -> None:
    real = {}
    for name, frame in frames().items():
        real[name] = str(tmp_path / f"{name}.parquet")
        frame.to_parquet(real[name])
    synthesizer = Synthesizer(metadata=shop(), model="gaussian_copula", progress=False).fit(real)
    twin = synthesizer.sample(output_path=str(tmp_path / "twin"))

    synthesizer.generate_validation_report(
        real_data=real, synthetic_data=twin, output_path=str(tmp_path / "report.html")
    )

    assert "orders" in (tmp_path / "report.html").read_text()


def test_a_path_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match="users: is given by a path where no table is"):
        Synthesizer(shop(), progress=False).fit(
            {"users": str(tmp_path / "no.parquet"), "orders": frames()["orders"]}
        )


def test_tables_may_be_given_to_metadata_at_once() -> None:
    tables = {
        "users": TableConfig(name="users", pk="id"),
        "orders": TableConfig(name="orders", fk={"u": "users.id"}),
    }
    metadata = Metadata(tables=tables)

    config = metadata.get_table("orders")
    assert config is not None
    assert config.has_dependencies
    assert config.fk == {"u": "users.id"}
    assert metadata.get_table("nothing") is None
    with pytest.raises(SchemaValidationError, match="unknown table 'user'"):
        Metadata(tables={"o": TableConfig(name="o", fk={"u": "user.id"})}).validate_schema()


# ---------------------------------------------------------------- settings of the past


@pytest.mark.filterwarnings("error")
def test_each_earlier_setting_tells_what_to_use() -> None:
    synthesizer = Synthesizer(shop_without_words(), model="gaussian_copula", progress=False)

    with pytest.warns(FutureWarning, match=r"Synthesizer.fit: sample_size.*max_training_rows"):
        synthesizer.fit(frames(), sample_size=200)
    with pytest.warns(FutureWarning, match=r"TableConfig: linkage_method.*leave it out"):
        TableConfig(name="t", linkage_method="negbinom")  # type: ignore[call-arg]
    with pytest.warns(FutureWarning, match="Synthesizer: embedding_threshold.*leave it out"):
        Synthesizer(embedding_threshold=10)


def shop_without_words() -> Metadata:
    metadata = Metadata()
    metadata.add_table("users", pk="user_id")
    metadata.add_table("orders", pk="order_id", fk={"user_id": "users.user_id"})
    return metadata


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: Synthesizer(shop(), embeding_threshold=5), "did you mean 'embedding_threshold'"),
        (lambda: Synthesizer(shop(), modl="ctgan"), "did you mean 'model'"),
        (lambda: Synthesizer(shop(), privacy_config={}), "privacy_config is no PrivacyConfig"),
        (lambda: Synthesizer(shop(), model=dict), "model is no model class"),
        (lambda: Synthesizer(shop()).fit(frames(), epoch=1), "did you mean 'epochs'"),
        (lambda: Synthesizer(shop()).fit(frames(), legacy_context_conditioning=True), "no setting"),
        (lambda: Synthesizer(shop()).fit(frames(), epochs="many"), "epochs.*wrong type"),
        (lambda: Synthesizer(shop(), model="gaussian_copula").fit(frames(), epochs=1), "no option 'epochs'"),
        (lambda: Synthesizer(shop()).save_to_hive({}, "db"), "needs a session of Spark"),
        (lambda: CTGAN(shop(), pac_size=3), "CTGAN has no setting 'pac_size'"),
        (lambda: CTGAN(shop()).fit(frames()["users"], table_name="user"), "did you mean 'users'"),
        (lambda: PrivacyConfig(epsilon=0), "epsilon"),
    ],
)
def test_what_never_was_a_setting_is_refused(call: Any, word: str) -> None:
    with pytest.raises(SettingError, match=word):
        call()


# ---------------------------------------------------------------- a model of one frame


@pytest.fixture(scope="module")
def model() -> CTGAN:
    model = CTGAN(shop(), epochs=2, batch_size=100)
    model.fit(frames()["users"], table_name="users", seed=1, progress_bar=False)
    return model


def test_a_model_learns_a_frame(model: CTGAN) -> None:
    real = frames()["users"]

    rows = model.sample(70, seed=4, enforce_constraints=True)

    assert list(rows.columns) == list(real.columns)
    assert rows.dtypes.to_dict() == real.dtypes.to_dict()
    assert rows["user_id"].is_unique
    pd.testing.assert_frame_equal(rows, model.sample(70, seed=4))
    assert not rows.equals(model.sample(70, seed=5))


def test_a_model_is_kept_in_a_folder(model: CTGAN, tmp_path: Path) -> None:
    model.save(str(tmp_path / "kept"))
    with pytest.raises(SerializationError, match="is there already"):
        model.save(str(tmp_path / "kept"))
    model.save(str(tmp_path / "kept"), overwrite=True)

    again = CTGAN(Metadata())
    again.load(str(tmp_path / "kept"))

    assert (again.options, again.device) == (model.options, model.device)
    pd.testing.assert_frame_equal(again.sample(20), model.sample(20))
    (tmp_path / "kept" / "settings.json").write_text("[]")
    with pytest.raises(SerializationError, match="can't be read"):
        again.load(str(tmp_path / "kept"))


def test_rows_depend_on_a_context(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    context = pd.DataFrame({"country": rng.choice(["AT", "US"], 600)})
    data = pd.DataFrame(
        {
            "id": range(600),
            "price": np.round(rng.normal(np.where(context["country"] == "AT", 20, 200), 3), 1),
        }
    )
    metadata = Metadata()
    metadata.add_table("orders", pk="id", constraints={"price": {"min": 0}})
    model = CTGAN(metadata, epochs=8, batch_size=100)
    model.fit(data, context=context, table_name="orders", progress_bar=False)

    asked = pd.DataFrame({"country": ["AT"] * 100 + ["US"] * 100})
    rows = model.sample(200, context=asked, seed=2)

    assert list(rows.columns) == ["id", "price"]
    assert rows["id"].is_unique
    assert rows["price"][:100].median() < 60
    assert rows["price"][100:].median() > 140
    model.save(tmp_path / "kept")
    again = CTGAN(metadata)
    again.load(tmp_path / "kept")
    pd.testing.assert_frame_equal(again.sample(200, context=asked, seed=2), rows)
    assert len(again.sample(1, context=pd.DataFrame({"country": ["never seen"]}))) == 1
    for wrong in (None, asked.head(3), asked.rename(columns={"country": "land"})):
        with pytest.raises(GenerationError, match="the context is none for these rows"):
            model.sample(200, context=wrong)
    with pytest.raises(GenerationError, match="other types"):
        model.sample(1, context=pd.DataFrame({"country": [b"AT"]}).map(lambda _: [1]))
    with pytest.raises(DataError, match="other rows than the data"):
        model.fit(data, context=asked)


def test_a_model_that_has_learned_nothing_says_so() -> None:
    with pytest.raises(GenerationError, match="call fit or load first"):
        CTGAN(shop()).sample(5)
    with pytest.raises(GenerationError, match="save"):
        CTGAN(shop()).save("nowhere")


# ---------------------------------------------------------------- model classes of users


class Bootstrap(ConditionalGenerativeModel):
    """Real rows again, within groups of equal context."""

    def __init__(self, metadata: Metadata, batch_size: int = 500, epochs: int = 300, **kwargs: Any) -> None:
        self.metadata = metadata
        self.settings = {"batch_size": batch_size, "epochs": epochs, **kwargs}

    def fit(self, data: pd.DataFrame, context: pd.DataFrame | None = None, **_: Any) -> None:
        self.data, self.context = data, context

    def sample(self, num_rows: int, context: pd.DataFrame | None = None, **_: Any) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        rows = rng.integers(0, len(self.data), num_rows)
        if context is not None and self.context is not None:
            same = {
                key: np.flatnonzero((self.context == key).all(axis=1))
                for key in map(tuple, context.to_numpy())
            }
            rows = np.array([rng.choice(same[key]) for key in map(tuple, context.to_numpy())])
        return self.data.iloc[rows].reset_index(drop=True)

    def save(self, path: str) -> None:
        self.data.to_parquet(path)

    def load(self, path: str) -> None:
        self.data = pd.read_parquet(path)


def test_a_model_class_of_a_user_writes_the_columns_of_no_key(tmp_path: Path) -> None:
    metadata, real = shop(), frames()
    synthesizer = Synthesizer(metadata=metadata, model=Bootstrap, progress=False)
    synthesizer.fit(real, epochs=3, batch_size=50, temperature=0.5)

    twin = synthesizer.sample(num_rows={"users": 60})

    orders = twin["orders"].merge(twin["users"], on="user_id", validate="many_to_one")
    assert len(orders) == len(twin["orders"]) > 0
    means = orders.groupby("premium")["amount"].mean()
    assert means[True] > 1.8 * means[False]
    for name in real:
        assert list(twin[name].columns) == list(real[name].columns)
    made, columns = synthesizer._frame_models.models["orders"]  # type: ignore[union-attr]
    assert made.settings == {"batch_size": 50, "epochs": 3, "temperature": 0.5}  # type: ignore[attr-defined]
    assert columns == ["amount", "status"]
    with pytest.raises(SettingError, match="save does not go with a model class for data frames"):
        synthesizer.save(tmp_path / "kept")
    with pytest.raises(SettingError, match="output_path does not go"):
        synthesizer.sample(output_path=tmp_path)


def test_a_model_class_never_sees_personal_data() -> None:
    real = frames()
    real["users"]["email"] = [f"someone{i}@mail.org" for i in range(120)]
    synthesizer = Synthesizer(shop(), PrivacyConfig(), model=Bootstrap, progress=False).fit(real)

    mails = synthesizer.sample()["users"]["email"]

    assert mails.str.contains("@").all()
    assert not mails.isin(real["users"]["email"]).any()
    assert "email" not in synthesizer._frame_models.models["users"][1]  # type: ignore[union-attr]


def test_a_model_class_that_breaks_a_constraint_is_told_of() -> None:
    class Negative(Bootstrap):
        def sample(self, num_rows: int, context: pd.DataFrame | None = None, **_: Any) -> pd.DataFrame:
            rows = super().sample(num_rows, context)
            return rows.assign(amount=-1.0) if "amount" in rows else rows

    synthesizer = Synthesizer(shop(), model=Negative, progress=False).fit(frames())

    with pytest.raises(ConstraintViolationError, match=r"orders.amount.*\d+ rows that break it"):
        synthesizer.sample()


def test_a_model_class_that_returns_other_rows_is_told_of() -> None:
    class Short(Bootstrap):
        def sample(self, num_rows: int, context: pd.DataFrame | None = None, **_: Any) -> pd.DataFrame:
            return super().sample(num_rows, context).head(1)

    synthesizer = Synthesizer(shop(), model=Short, progress=False).fit(frames())

    with pytest.raises(GenerationError, match=r"users: sample\(\) of Short.*of shape \(1, 3\)"):
        synthesizer.sample()


def test_a_context_column_that_no_parent_has_is_refused() -> None:
    metadata = shop()
    metadata.tables["orders"] = metadata.tables["orders"].model_copy(
        update={"parent_context_cols": ("users.citty",)}
    )

    with pytest.raises(SchemaError, match="did you mean 'city'"):
        Synthesizer(metadata, model=Bootstrap, progress=False).fit(frames())


def test_the_errors_are_one_family() -> None:
    errors: tuple[type[SynthoHiveError], ...] = (
        SchemaError,
        SchemaValidationError,
        TrainingError,
        SerializationError,
        GenerationError,
    )
    errors += (ConstraintViolationError, PrivacyError)
    assert all(issubclass(error, SynthoHiveError) for error in errors)
    assert issubclass(SchemaValidationError, SchemaError)
    with pytest.raises(PrivacyError, match="pii_strategy of PrivacyConfig"):
        PrivacyConfig(pii_strategy="hide")  # type: ignore[arg-type]


# ---------------------------------------------------------------- Spark


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with sail_server() as url, sail_session(url) as (_, session):
        yield session


def test_a_schema_of_spark_is_learned_and_a_twin_goes_to_another(session: Any, tmp_path: Path) -> None:
    session.sql("create schema shop")
    for name, frame in frames().items():
        rows = pa.Table.from_pandas(frame, preserve_index=False)
        session.createDataFrame(rows).write.format("parquet").saveAsTable(f"shop.{name}")
    options: dict[str, Any] = {"spark_session": session, "model": "gaussian_copula", "progress": False}
    synthesizer = Synthesizer(metadata=shop(), **options)

    synthesizer.fit(data="shop")
    paths = synthesizer.sample(num_rows={"users": 25}, output_path=tmp_path)
    named = synthesizer.save_to_hive(synthetic_data=paths, target_db="shop_synthetic")

    assert set(named) == {"users", "orders"}
    assert session.table("shop_synthetic.users").count() == 25
    again = Synthesizer(metadata=shop(), **options)
    again.fit({"users": "shop_synthetic.users", "orders": "shop_synthetic.orders"})
    assert len(again.sample()["users"]) == 25
    with pytest.raises(ConnectorError, match="is in the schema 'shop_synthetic' already"):
        synthesizer.save_to_hive(paths, "shop_synthetic", overwrite=False)
    for name in ("a\n", "", " "):
        with pytest.raises(SettingError, match="target_db is no name of a schema"):
            synthesizer.save_to_hive(paths, name)
