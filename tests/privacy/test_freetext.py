"""People of one table are taken out of the texts of another, however these are written."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer
from synthohive_py.frames import to_arrow
from synthohive_py.privacy import PrivacyConfig
from synthohive_py.privacy.detect import find_personal_columns
from synthohive_py.privacy.kinds import is_card, luhn_digit

PEOPLE = pd.DataFrame(
    {
        "vorname": ["Mila", "Zdeňka", "Wolfram", "美咲", "Dayita"],
        "nachname": ["Kirchweger", "Dvořáková", "Obexer", "長谷川", "Chahalova"],
        "handynummer": ["06601234567", "06991234568", "06641234569", "09012345670", "06761234571"],
    }
)
FORMS = {
    "compact": lambda p: json.dumps(
        {"user": f"{p.vorname} {p.nachname}", "tel": p.handynummer}, separators=(",", ":")
    ),
    "escaped": lambda p: json.dumps({"who": {"first": p.vorname, "last": p.nachname}, "ok": True}),
    "raw": lambda p: json.dumps({"first": p.vorname, "last": p.nachname, "n": 3}, ensure_ascii=False),
    "capitals": lambda p: f"CALL {p.vorname.upper()} {p.nachname.upper()} TODAY",
    "tagged": lambda p: f"<b>{p.vorname}</b><i>{p.nachname}</i>|done|{p.handynummer}",
    "pairs": lambda p: f"level=info first={p.vorname};last={p.nachname}",
    "unspaced": lambda p: f"本日{p.nachname}{p.vorname}様から電話がありました",
}


def learned(form: str, path: Path) -> tuple[list[str], str]:
    """The texts of the twin, and all that the artefact holds; each person has sixty texts, of nobody's."""
    texts = [FORMS[form](person) for person in PEOPLE.itertuples()] * 60
    tables = {
        "people": pd.concat([PEOPLE] * 2, ignore_index=True).assign(id=range(10)),
        "events": pd.DataFrame({"id": range(len(texts)), "text": texts}),
    }
    metadata = Metadata()
    metadata.add_table("people", pk="id")
    metadata.add_table("events", pk="id")
    config = PrivacyConfig(pii_strategy="mask")
    synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)
    synthesizer.fit(tables).save(path)
    return synthesizer.sample()["events"]["text"].to_list(), path.read_bytes().decode("utf8", "replace")


@pytest.mark.parametrize("form", [form for form in FORMS if form != "unspaced"])
def test_people_are_found_however_a_text_is_written(form: str, tmp_path: Path) -> None:
    texts, artefact = learned(form, tmp_path / "events.synthohive")

    names = [*PEOPLE["vorname"], *PEOPLE["nachname"], *PEOPLE["handynummer"]]
    written = "\n".join(texts).casefold() + artefact.casefold()
    forms = {name: (name.casefold(), json.dumps(name)[1:-1]) for name in names}
    # A given name of two letters is found where it stands by a family name or in its own script.
    assert [
        name for name, any_of in forms.items() if len(name) > 2 and any(f in written for f in any_of)
    ] == []
    assert any("[NAME " in text for text in texts)


def test_names_are_found_in_scripts_without_blanks(tmp_path: Path) -> None:
    texts, artefact = learned("unspaced", tmp_path / "events.synthohive")

    assert [
        name for name in ("美咲", "長谷川") if name in artefact or any(name in text for text in texts)
    ] == []


def test_a_number_of_a_column_stays_one_of_its_kind_in_a_text(tmp_path: Path) -> None:
    texts, _ = learned("compact", tmp_path / "events.synthohive")

    assert any('"tel":"[PHONE ' in text for text in texts)


def test_years_and_post_codes_are_no_telephone_numbers() -> None:
    albums = pd.DataFrame(
        {
            "id": range(60),
            "title": ["Retrospective (1974-1980)", "Best Of (1963-81)"] * 30,
            "zip": ["95014-2084", "12227-000"] * 30,
        }
    )
    metadata = Metadata()
    metadata.add_table("albums", pk="id")
    config = PrivacyConfig(pii_strategy="mask")
    synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)

    twin = synthesizer.fit({"albums": albums}).sample()["albums"]

    assert set(twin["title"]) == set(albums["title"])
    assert set(twin["zip"]) == set(albums["zip"])


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("handynummer", "phone"),
        ("Mobilnummer", "phone"),
        ("Rufnummer", "phone"),
        ("telefonnr", "phone"),
        ("teléfono", "phone"),
        ("cellulare", "phone"),
        ("电话", "phone"),
        ("förnamn", "first_name"),
        ("фамилия", "last_name"),
        ("nom_de_famille", "last_name"),
        ("姓名", "name"),
        ("Anschrift", "address"),
    ],
)
def test_columns_are_found_by_names_of_many_languages(column: str, kind: str) -> None:
    values = {"phone": "0660123456{}", "address": "Hauptstraße {}"}.get(kind, "Мила{}")
    frame = pd.DataFrame(
        {column: [values.format("abcdefghij"[i] if kind.endswith("name") else i) for i in range(10)]}
    )
    metadata = Metadata()
    metadata.add_table("t")

    [found] = find_personal_columns(metadata, {"t": to_arrow(frame, "t")})

    assert (found.kind, found.found_by) == (kind, "name")


def test_documents_stay_json_when_what_leads_to_people_is_taken_out() -> None:
    cards = [4000000000000000 + 97 * i for i in range(300)]
    cards = [int(f"{c // 10}{luhn_digit(str(c // 10))}") for c in cards]
    texts = [
        json.dumps({"no": i, "who": {"mail": f"p.{i}@firma.de", "card": cards[i]}, "cards": [cards[i]]})
        for i in range(300)
    ]
    metadata = Metadata()
    metadata.add_table("events", pk="id")
    events = pd.DataFrame({"id": range(300), "document": texts})

    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"events": events})
    twin = synthesizer.sample()["events"]["document"]

    made = [json.loads(text) for text in twin]
    assert all(is_card(d["who"]["card"]) and d["who"]["mail"].count("@example.") == 1 for d in made)
    written = "\n".join(twin)
    assert not [c for c in cards if str(c) in written]
    assert not [i for i in range(300) if f"p.{i}@" in written]
