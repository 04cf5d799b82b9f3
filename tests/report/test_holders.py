"""What one customer has in a hundred orders is no more shown than what one has in a single order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthohive_py import Metadata, Synthesizer
from synthohive_py.privacy import PrivacyConfig, PrivacyReport
from synthohive_py.report import ValidationReport, make_report
from synthohive_py.rng import Seed

CUSTOMERS, ORDERS = 150, 900
TOWN, SALARY = "Hinterstinkenbrunn", 987_654.0


def frames() -> dict[str, pd.DataFrame]:
    """Customers, orders and their lines; the first three customers have a third of them, and odd values."""
    rng = np.random.default_rng(4)
    whose = np.where(
        rng.random(ORDERS) < 0.33, rng.integers(0, 3, ORDERS), rng.integers(0, CUSTOMERS, ORDERS)
    )
    town = np.where(whose < 3, TOWN, rng.choice(["Graz", "Linz"], ORDERS))
    salary = np.where(whose < 3, SALARY, rng.normal(3_000, 400, ORDERS).round())
    line = rng.integers(0, ORDERS, 2 * ORDERS)
    return {
        "customers": pd.DataFrame({"id": range(CUSTOMERS)}),
        "orders": pd.DataFrame({"id": range(ORDERS), "customer": whose, "town": town, "salary": salary}),
        "lines": pd.DataFrame({"id": range(2 * ORDERS), "order": line, "sent_to": town[line]}),
    }


def metadata(mode: str = "synthesize") -> Metadata:
    declared = Metadata()
    declared.add_table("customers", pk="id", mode=mode)
    declared.add_table("orders", pk="id", fk={"customer": "customers.id"})
    declared.add_table("lines", pk="id", fk={"order": "orders.id"})
    return declared


def report(mode: str = "synthesize") -> ValidationReport:
    return make_report(metadata(mode), frames(), frames(), seed=Seed(0))


def test_what_belongs_to_three_customers_is_not_shown() -> None:
    made = report()
    shown = made.to_html() + made.to_json() + str(made)
    salary = next(c for t in made.tables for c in t.columns if c.name == "salary").histogram

    assert TOWN not in shown  # nor in the lines, which are the customers' by their orders
    assert "Graz" in shown
    assert salary is not None
    assert float(salary.labels[-1].replace(",", "")) < 6_000


def test_rows_of_reference_tables_are_no_customers() -> None:
    assert TOWN in report("reference").to_json()


def test_texts_that_personal_data_was_taken_out_of_are_not_shown() -> None:
    people = ["Anna Auer", "Bert Bauer", "Cilli Czerny"]
    notes = pd.DataFrame(
        {
            "id": range(300),
            "note": [f"call {people[i % 3]} at {people[i % 3][0]}@firma{i % 3}.at" for i in range(300)],
        }
    )
    declared = Metadata()
    declared.add_table("notes", pk="id")
    synthesizer = Synthesizer(
        declared, model="gaussian_copula", privacy_config=PrivacyConfig(pii_strategy="mask"), progress=False
    ).fit({"notes": notes})

    made = synthesizer.generate_validation_report({"notes": notes}, synthesizer.sample())

    shown = made.to_html() + made.to_json() + str(made)
    assert not [name for name in (*people, "@firma") if name in shown]
    assert [f.metric for f in made.failures if f.column == "note"] == []
    _, findings = synthesizer.sample(return_metrics=True)
    assert "note" not in {f.column for f in findings if f.metric == "TVComplement"}


def test_the_page_says_what_was_done_for_privacy() -> None:
    rows = pd.DataFrame(
        {"id": range(60), "<b>mail</b>": [f"a{i}@firma.at" for i in range(60)], "n": range(60)}
    )
    declared = Metadata()
    declared.add_table("t", pk="id")
    config = PrivacyConfig(pii_strategy="mask")
    options = {"model": "gaussian_copula", "privacy_config": config, "progress": False}
    synthesizer = Synthesizer(declared, **options).fit({"t": rows})

    made = synthesizer.generate_validation_report({"t": rows}, synthesizer.sample())

    assert "<li>t.&lt;b&gt;mail&lt;/b&gt;: email, by" in made.to_html()
    assert "Training was not differentially private." in made.to_html()
    assert '"strategy": "mask"' in made.to_json()


def test_the_page_states_the_budget() -> None:
    private = PrivacyReport(epsilon=4.97, delta=1e-6, unit="a row of t", not_covered=("numbers of rows",))
    made = ValidationReport((), detection=False, threshold=5, protection=private)

    assert "epsilon 4.97, delta 1e-06, for a row of t" in made.to_html()
    assert "<li>numbers of rows</li>" in made.to_html()


def test_tables_that_refer_to_themselves_and_to_each_other_are_told_of() -> None:
    rows = 300
    staff = pd.DataFrame(
        {
            "id": range(rows),
            "boss": pd.array([None if i < 3 else i // 3 for i in range(rows)], "Int64"),
            "team": [i % 150 for i in range(rows)],
            "pay": [i % 7 for i in range(rows)],
        }
    )
    teams = pd.DataFrame(
        {"id": range(150), "head": [i * 2 for i in range(150)], "kind": [i % 3 for i in range(150)]}
    )
    declared = Metadata()
    declared.add_table("staff", pk="id", fk={"boss": "staff.id", "team": "teams.id"})
    declared.add_table("teams", pk="id", fk={"head": "staff.id"})
    tables = {"staff": staff, "teams": teams}

    made = make_report(declared, tables, tables, seed=Seed(0))

    assert [table.name for table in made.tables] == ["staff", "teams"]
    assert all(c.histogram for t in made.tables for c in t.columns if c.name in ("pay", "kind"))
