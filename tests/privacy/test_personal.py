"""Planted people of twelve countries: none of them is in a twin, an artefact, a report or a log."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faker import Faker

from synthohive_py import Metadata, SettingError, Synthesizer, SynthoHiveError
from synthohive_py.frames import to_arrow
from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.privacy.detect import find_personal_columns
from synthohive_py.privacy.inventing import in_ascii
from synthohive_py.privacy.kinds import is_card, is_iban
from synthohive_py.privacy.pools import NameBook

COUNTRIES = {
    "en_US": "United States",
    "en_GB": "GB",
    "de_DE": "Germany",
    "fr_FR": "fr_FR",
    "es_ES": "Spain",
    "it_IT": "Italy",
    "nl_NL": "NL",
    "pl_PL": "Poland",
    "pt_BR": "Brazil",
    "sv_SE": "SE",
    "ja_JP": "Japan",
    "tr_TR": "TR",
}
EACH = 25  # people of a country
KINDS = {
    "first_name": "first_name",
    "surname": "last_name",
    "e_mail": "email",
    "tel": "phone",
    "kreditkarte": "card",
    "iban": "iban",
    "national_id": "ssn",
    "last_login_ip": "ip",
}
SECRET = ["e_mail", "tel", "kreditkarte", "iban", "national_id", "last_login_ip"]


def people() -> pd.DataFrame:
    rows = []
    for locale, country in COUNTRIES.items():
        fake = Faker(locale)
        fake.seed_instance(7)
        for _ in range(EACH):
            first, last = fake.first_name(), fake.last_name()
            name = f"{in_ascii(first)}.{in_ascii(last)}".strip(".") or "kontakt"
            number = len(rows)
            person = {
                "person_id": number,
                "country": country,
                "first_name": first,
                "surname": last,
                "e_mail": f"{name}{number}@firma{number % 7}.de",
                "tel": fake.phone_number(),
                "kreditkarte": fake.credit_card_number("visa16"),
                "iban": Faker("de_DE").iban() if locale == "ja_JP" else fake.iban(),
                "national_id": fake.ssn(),
                "last_login_ip": fake.ipv4_public(),
                "age": number % 60 + 18,
            }
            person["note"] = (
                f"Spoke with {first} {last} about the order; call back at {person['tel']}, "
                f"card {person['kreditkarte']}, write to {person['e_mail']}, paid from {person['iban']} "
                f"at {person['last_login_ip']}"
            )
            rows.append(person)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def real() -> dict[str, pd.DataFrame]:
    persons = people()
    whose = np.random.default_rng(0).integers(0, len(persons), 700)
    orders = pd.DataFrame(
        {
            "order_id": range(700),
            "person_id": whose,
            "contact": persons["e_mail"].to_numpy()[whose],
            "amount": np.round(np.random.default_rng(1).lognormal(3, 1, 700), 2),
        }
    )
    persons.loc[::9, "tel"] = None
    persons["card_number"] = persons["kreditkarte"].astype("int64")  # the same in a column of numbers
    return {"persons": persons, "orders": orders}


@pytest.fixture(scope="module")
def metadata() -> Metadata:
    metadata = Metadata()
    metadata.add_table("persons", pk="person_id", unique=["e_mail"])
    metadata.add_table("orders", pk="order_id", fk={"person_id": "persons.person_id"})
    return metadata


@pytest.fixture(scope="module")
def learned(
    real: dict[str, pd.DataFrame], metadata: Metadata, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Synthesizer, Path, str]:
    """The fitted synthesizer, its artefact, and all that was logged."""
    path = tmp_path_factory.mktemp("personal") / "people.synthohive"
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("synthohive_py")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        config = PrivacyConfig()
        synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)
        synthesizer.fit(real).save(path)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return synthesizer, path, "\n".join(records)


@pytest.fixture(scope="module")
def twin(learned: tuple[Synthesizer, Path, str]) -> dict[str, pd.DataFrame]:
    return learned[0].sample(scale=2)


def secrets(real: dict[str, pd.DataFrame]) -> set[str]:
    """What may occur nowhere: numbers, addresses, and whole names."""
    persons = real["persons"]
    found = {str(value) for column in SECRET for value in persons[column].dropna()}
    return found | set(persons["first_name"] + " " + persons["surname"])


def test_every_planted_column_is_found_and_no_other(learned: tuple[Synthesizer, Path, str]) -> None:
    report = learned[0].privacy_report()
    found = {(c.table, c.column): c.kind for c in report.columns}

    expected = {("persons", column): kind for column, kind in KINDS.items()}
    assert found == expected | {("persons", "card_number"): "card", ("orders", "contact"): "email"}
    assert set(report.texts["persons.note"]) == {"card", "email", "iban", "ip", "name", "phone"}


def test_no_real_value_is_in_the_twin(real: dict[str, pd.DataFrame], twin: dict[str, pd.DataFrame]) -> None:
    written = "\n".join(frame.to_csv(index=False) for frame in twin.values())

    assert {value for value in secrets(real) if value in written} == set()


def test_no_real_value_is_in_artefact_report_or_log(
    real: dict[str, pd.DataFrame], learned: tuple[Synthesizer, Path, str]
) -> None:
    synthesizer, path, log = learned
    content = path.read_bytes()
    # Other characters than ASCII are escaped in the artefact's JSON or not: both are looked for.
    values = secrets(real)
    escaped = {v: (v.encode(), v.encode("unicode_escape")) for v in values}

    assert {v for v, forms in escaped.items() if any(form in content for form in forms)} == set()
    assert {v for v in values if v in log or v in str(synthesizer.privacy_report())} == set()
    cards = real["persons"]["card_number"]
    assert [n for n in cards if np.int64(n).tobytes() in content] == []


def test_no_real_value_is_in_an_error(
    real: dict[str, pd.DataFrame], metadata: Metadata, learned: tuple[Synthesizer, Path, str]
) -> None:
    messages = []
    twice = {**real, "persons": pd.concat([real["persons"], real["persons"].head(20)])}
    orphaned = {**real, "persons": real["persons"].iloc[50:]}
    mixed = {**real, "persons": real["persons"].assign(tel=[1, *real["persons"]["tel"][1:]])}
    for tables in (twice, mixed):
        with pytest.raises(SynthoHiveError) as caught:
            Synthesizer(metadata, privacy_config=PrivacyConfig()).fit(tables)
        messages.append(str(caught.value))
    for column in ("first_name", "e_mail", "card_number"):
        with pytest.raises(SettingError) as refused:
            learned[0].sample(conditions={"persons": {column: 1}})
        messages.append(str(refused.value))
    plan = Synthesizer(metadata, progress=False).plan(orphaned)

    written = "\n".join([*messages, str(plan)])
    assert {value for value in secrets(real) if value in written} == set()


def test_fakes_have_the_format_of_what_they_stand_for(twin: dict[str, pd.DataFrame]) -> None:
    persons = twin["persons"]

    assert all(map(is_card, persons["kreditkarte"].dropna()))
    assert all(map(is_card, persons["card_number"].astype(str)))
    assert all(map(is_iban, persons["iban"].dropna()))
    assert persons["e_mail"].str.fullmatch(r"[\w.-]+@example\.(com|org|net)").all()
    assert persons["last_login_ip"].str.startswith("10.").all()
    assert persons["tel"].dropna().str.contains(r"\d{2}").all()


def test_nulls_keys_and_copies_are_kept(real: dict[str, pd.DataFrame], twin: dict[str, pd.DataFrame]) -> None:
    persons, orders = twin["persons"], twin["orders"]
    nulls = real["persons"]["tel"].isna().mean()

    assert persons["e_mail"].is_unique
    assert persons["tel"].isna().mean() == pytest.approx(nulls, abs=0.06)
    assert persons["card_number"].dtype == real["persons"]["card_number"].dtype
    joined = orders.merge(persons, on="person_id")
    assert (joined["contact"] == joined["e_mail"]).all()


def test_added_rows_have_values_of_their_own(
    learned: tuple[Synthesizer, Path, str], twin: dict[str, pd.DataFrame]
) -> None:
    longer = learned[0].sample(scale=0.5, append_to=twin)
    again = learned[0].sample(scale=0.5, append_to=longer)["persons"]

    assert len(again) == 900
    for column in ("e_mail", "kreditkarte", "iban"):
        assert again[column].is_unique, column


def test_a_row_agrees_with_itself(twin: dict[str, pd.DataFrame]) -> None:
    persons = twin["persons"]
    first, last = persons["first_name"].map(in_ascii), persons["surname"].map(in_ascii)
    agree = [
        (a[:6] or "user") in mail or (b[:6] or "user") in mail
        for a, b, mail in zip(first, last, persons["e_mail"], strict=True)
    ]
    is_japanese = persons["country"] == "Japan"

    assert np.mean(agree) > 0.9
    assert persons["first_name"][is_japanese].str.contains(r"[^\x00-\x7f]").all()
    assert not persons["first_name"][persons["country"] == "GB"].str.contains(r"[^\x00-\x7f]").any()


def test_texts_are_written_with_invented_values(twin: dict[str, pd.DataFrame]) -> None:
    notes = " ".join(twin["persons"]["note"])

    assert not re.search("[\ue000-\uf8ff]", notes)  # no mark is left
    assert "@example." in notes
    spoken = twin["persons"]["note"].str.extract(r"Spoke with (.+) about the order")[0].dropna()
    assert spoken.str.count(" ").max() <= 3  # "Maria da Silva", not four names in a row


def test_the_artefact_makes_the_same_twin_without_faker(
    learned: tuple[Synthesizer, Path, str], twin: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "faker", None)
    again = Synthesizer.load(learned[1], progress=False).sample(scale=2)

    for name, frame in twin.items():
        pd.testing.assert_frame_equal(again[name], frame)


def test_masks_say_what_was_there(real: dict[str, pd.DataFrame], metadata: Metadata) -> None:
    config = PrivacyConfig(pii_strategy="mask", pii_columns=["persons.age"])
    synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)
    twin = synthesizer.fit(real).sample()

    persons = twin["persons"]
    assert persons["e_mail"].str.fullmatch(r"\[EMAIL \d+\]").all()
    assert persons["e_mail"].is_unique
    assert persons["tel"].dropna().str.fullmatch(r"\[PHONE \d+\]").all()
    written = "\n".join(frame.to_csv(index=False) for frame in twin.values())
    assert {value for value in secrets(real) if value in written} == set()
    joined = twin["orders"].merge(persons, on="person_id")
    assert (joined["contact"] == joined["e_mail"]).all()
    assert persons["age"].max() > 100  # numbers that say nothing


def test_faker_alone_does_not_look_at_the_row(real: dict[str, pd.DataFrame], metadata: Metadata) -> None:
    config = PrivacyConfig(pii_strategy="faker", locale="en_GB")
    synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)
    persons = synthesizer.fit(real).sample()["persons"]

    assert not persons["first_name"].str.contains(r"[^\x00-\x7f]").any()
    assert np.mean([a.lower() in m for a, m in zip(persons["surname"], persons["e_mail"], strict=True)]) < 0.1


def test_without_a_configuration_what_leads_to_a_person_is_replaced_and_names_are_named(
    real: dict[str, pd.DataFrame], metadata: Metadata, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Few people have many orders each, so that each of their e-mails is shared by many rows.
    few = real["persons"]["e_mail"][:20].to_numpy()
    told = ("Please answer to " + few + " as soon as you can, thank you")[np.arange(700) % 20]
    tables = {**real, "orders": real["orders"].assign(contact=few[np.arange(700) % 20], told=told)}
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False).fit(tables)
    twin = synthesizer.sample()
    synthesizer.save(tmp_path / "people.synthohive")

    found = {c.column: c.kind for c in synthesizer.privacy_report().columns}
    assert found == {name: kind for name, kind in KINDS.items() if name in SECRET} | {
        "card_number": "card",
        "contact": "email",
    }
    assert "persons.first_name (first_name)" in caplog.text
    assert "e_mail" not in caplog.text
    numbers = {str(value) for column in SECRET for value in real["persons"][column].dropna()}
    written = "\n".join(frame.to_csv(index=False) for frame in twin.values())
    artefact = (tmp_path / "people.synthohive").read_bytes()
    assert {value for value in numbers if value in written or value.encode() in artefact} == set()
    persons = twin["persons"]
    agree = [
        in_ascii(a)[:4] in mail for a, mail in zip(persons["first_name"], persons["e_mail"], strict=True)
    ]
    assert np.mean(agree) > 0.8


def test_e_mails_that_differ_in_a_number_only_are_no_real_ones() -> None:
    frame = pd.DataFrame({"id": range(300), "mail": [f"kontakt.{i}@mail.ru" for i in range(300)]})
    metadata = Metadata()
    metadata.add_table("t", pk="id", unique=["mail"])

    twin = Synthesizer(metadata, progress=False, model="gaussian_copula").fit({"t": frame}).sample()["t"]

    assert not set(twin["mail"]) & set(frame["mail"])
    assert twin["mail"].is_unique


def test_what_is_declared_is_replaced_and_what_is_public_is_not() -> None:
    frame = pd.DataFrame(
        {
            "id": range(300),
            "nick": [f"nick{'abcdefghij'[i % 10]}" for i in range(300)],
            "address": [f"10.0.0.{i % 7}" for i in range(300)],
            "seen_from": [f"10.0.1.{i % 7}" for i in range(300)],
        }
    )
    metadata = Metadata()
    metadata.add_table("t", pk="id", pii_cols=["nick"], public_cols=["address"])

    twin = Synthesizer(metadata, progress=False, model="gaussian_copula").fit({"t": frame}).sample()["t"]

    assert not set(twin["nick"]) & set(frame["nick"])
    assert set(twin["address"]) == set(frame["address"])
    assert not set(twin["seen_from"]) & set(frame["seen_from"])


@pytest.mark.parametrize("where", ["pii_cols", "pii_columns"])
def test_a_column_can_not_be_personal_and_public(where: str) -> None:
    metadata = Metadata()
    metadata.add_table("t", pk="id", public_cols=["a"], pii_cols=["a"] if where == "pii_cols" else [])
    config = PrivacyConfig(pii_columns=["a"]) if where == "pii_columns" else None

    with pytest.raises(SettingError, match=r"t\.a: is declared to hold personal data, and to hold none"):
        Synthesizer(metadata, privacy_config=config).fit({"t": pd.DataFrame({"id": [1], "a": ["x"]})})


LABELLED = {
    # personal: the kind that has to be found
    "customer_email": ("email", lambda f: f.email()),
    "x1": ("email", lambda f: f.email()),
    "x2": ("iban", lambda f: f.iban()),
    "x3": ("card", lambda f: f.credit_card_number("mastercard")),
    "x4": ("ip", lambda f: f.ipv4()),
    "x5": ("name", lambda f: f"{f.first_name()} {f.last_name()}"),
    "x6": ("phone", lambda f: f"+49 {f.random_int(100, 999)} {f.random_int(10**5, 10**7)}"),
    "mobileNumber": ("phone", lambda f: f.random_int(10**9, 10**10 - 1)),
    "Vorname": ("first_name", lambda f: f.first_name()),
    "ssn": ("ssn", lambda f: f.ssn()),
    "street_address": ("address", lambda f: f.street_address()),
    "login": ("username", lambda f: f.user_name()),
    # not personal
    "order_number": (None, lambda f: f.random_int(10**9, 10**10 - 1)),
    "ordered_on": (None, lambda f: f.date()),
    "product": (None, lambda f: f.random_element(["Oak table", "Pine chair", "Steel lamp", "Wool rug"])),
    "version": (None, lambda f: f"{f.random_digit()}.{f.random_digit()}.{f.random_digit()}"),
    "price": (None, lambda f: str(f.random_int(1, 10**6) / 100)),
    "email_sent": (None, lambda f: f.random_element(["yes", "no"])),
    "company": (None, lambda f: f.company()),
    "city": (None, lambda f: f.city()),
    "sku": (None, lambda f: f.bothify("???-#####")),
    "colour": (None, lambda f: f.color_name()),
    "period": (None, lambda f: f"{f.random_int(2000, 2020)}-{f.random_int(2021, 2024)}"),
    "card_type": (None, lambda f: f.random_element(["visa", "amex", "mastercard"])),
    "uuid": (None, lambda f: f.uuid4()),
    "job": (None, lambda f: f.job()),
    # numbers of a business with separators, which are no telephone numbers
    **{
        name: (None, lambda f, form=form: f.numerify(form))
        for name, form in {
            "order_no": "2024-######",
            "order_code": "%##-%######",
            "amazon_order": "%##-%######-%######",
            "invoice": "201%/%####",
            "article": "%#-%##-%###",
            "furniture": "%##.%##.%#",
            "book": "978-3-%#-%#####-#",
            "substance": "%###-%#-#",
            "employer": "%#-%######",
            "part": "%## %## %##",
            "size": "1##-1##-1##",
            "tyre": "2#5/%5-1%",
            "place": "4#.#### 1#.####",
            "moment": "202403%# 10%#00",
            "money": "%#.###.###",
            "rate": "%##/%##",
            "block": "1%.2#.1#.%#/32",
            "change": "+%#####",
            "key": "a%#::b%#",
            "after": "::%#",
        }.items()
    },
    "tax_id": (None, lambda f: f.random_int(10**5, 10**6)),
    "nie": (None, lambda f: f.random_int(10**5, 10**6)),
}


def test_detection_finds_what_is_personal_and_nothing_else() -> None:
    """On twelve locales: the share of personal columns found, and the share of those found that are."""
    book = NameBook.of(list(COUNTRIES))
    right = wrong = missed = 0
    strangers = []
    for locale in COUNTRIES:
        fake = Faker([locale])
        fake.seed_instance(3)
        table = pd.DataFrame({name: [make(fake) for _ in range(60)] for name, (_, make) in LABELLED.items()})
        metadata = Metadata()
        metadata.add_table("t")
        found = find_personal_columns(metadata, {"t": to_arrow(table, "t")}, is_name=book.is_name)
        kinds = {column.column: column.kind for column in found}
        for name, (kind, _) in LABELLED.items():
            right += kind is not None and kinds.get(name) == kind
            missed += kind is not None and name not in kinds
            wrong += name in kinds and kinds[name] != kind
            if kinds.get(name) != kind:
                strangers.append((locale, name, kinds.get(name)))

    personal = sum(kind is not None for kind, _ in LABELLED.values()) * len(COUNTRIES)
    assert right / personal >= 0.95, strangers
    assert right / (right + wrong) >= 0.95, strangers


@pytest.mark.parametrize(
    "setting",
    [
        {"pii_strategy": "hash"},
        {"epsilon": 0},
        {"epsilon": "5"},
        {"delta": 1},
        {"k_anonymity_threshold": 0},
        {"pii_columns": "email"},
        {"pii_columns": {"persons": "email"}},
        {"pii_columns": 3},
        {"locale": "xx_XX"},
        {"enable_differential_privacy": 1},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=next(iter(setting))):
        PrivacyConfig(**setting)  # type: ignore[arg-type]


def test_a_declared_column_that_is_not_there_is_refused(
    real: dict[str, pd.DataFrame], metadata: Metadata
) -> None:
    config = PrivacyConfig(pii_columns=["persons.mail"])

    with pytest.raises(SettingError, match=r"persons\.mail"):
        Synthesizer(metadata, model="gaussian_copula", privacy_config=config).fit(real)


def test_whole_names_are_those_of_their_rows_all_over_a_table() -> None:
    rng = np.random.default_rng(0)
    fake = Faker("de_AT")
    fake.seed_instance(1)
    firsts, lasts = [fake.first_name() for _ in range(25)], [fake.last_name() for _ in range(25)]
    frame = pd.DataFrame({"id": range(1500), "first_name": rng.choice(firsts, 1500)})
    frame["last_name"] = rng.choice(lasts, 1500)
    frame["full_name"] = frame["first_name"] + " " + frame["last_name"]
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    synthesizer = Synthesizer(
        metadata, model="gaussian_copula", privacy_config=PrivacyConfig(), progress=False
    )

    twin = synthesizer.fit({"t": frame}).sample()["t"]

    assert (twin["full_name"] == twin["first_name"] + " " + twin["last_name"]).all()
    assert not set(twin["full_name"]) & set(frame["full_name"])
