"""Rows of one parent are alike: a second sample of parents passes, and what is wrong beyond that fails."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata
from synthohive_py.quality import Finding, score
from synthohive_py.quality.baseline import clustering
from synthohive_py.schema import ForeignKey

CUSTOMERS, INVOICES, LINES = 60, 600, 3_000
CITIES = [f"city {number}" for number in range(500)]
Frames = dict[str, pd.DataFrame]


def sample(seed: int, *, notes: float = 0.4, noted: float = 1.0) -> Frames:
    """Customers, their invoices and these one's lines; an invoice has the city of its customer.

    Args:
        seed: Decides who the customers are.
        notes: How many customers have a note on each of their invoices.
        noted: And on how many of these.
    """
    rng = np.random.default_rng(seed)
    city = rng.choice(CITIES, CUSTOMERS, replace=False)
    level = rng.normal(100, 40, CUSTOMERS)
    has_notes = rng.permutation(CUSTOMERS) < notes * CUSTOMERS
    whose = rng.integers(0, CUSTOMERS, INVOICES)
    total = (level[whose] + rng.normal(0, 5, INVOICES)).round(2)
    is_noted = has_notes[whose] & (rng.random(INVOICES) < noted)
    note = pd.Series(rng.choice(["late", "paid"], INVOICES)).where(is_noted)
    invoice = rng.integers(0, INVOICES, LINES)
    return {
        "customers": pd.DataFrame({"customer_id": range(CUSTOMERS)}),
        "invoices": pd.DataFrame(
            {
                "invoice_id": range(INVOICES),
                "customer_id": whose,
                "city": city[whose],
                "country": [f"country {name.split()[1][-1:]}" for name in city[whose]],
                "total": total,
                "note": note,
            }
        ),
        "lines": pd.DataFrame(
            {
                "line_id": range(LINES),
                "invoice_id": invoice,
                "city": city[whose[invoice]],
                "price": (total[invoice] / 5).round(2),
            }
        ),
    }


def judged(twin: Frames, real: Frames | None = None) -> list[Finding]:
    declared = Metadata()
    declared.add_table("customers", pk="customer_id")
    declared.add_table("invoices", pk="invoice_id", fk={"customer_id": "customers.customer_id"})
    declared.add_table("lines", pk="line_id", fk={"invoice_id": "invoices.invoice_id"})
    return score(declared, real or sample(0), twin, seed=0)


def failed(findings: list[Finding]) -> set[tuple[str, str | None, str]]:
    return {(f.table, f.column, f.metric) for f in findings if not f.passed}


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_second_sample_of_parents_passes(seed: int) -> None:
    findings = judged(sample(seed))

    assert failed(findings) == set()
    cities = [f for f in findings if f.column == "city" and f.metric == "TVComplement"]
    assert [f.table for f in cities] == ["invoices", "lines"]
    assert max(f.score for f in cities) < 0.3


def test_what_no_second_sample_of_parents_explains_fails() -> None:
    """Totals are twice as high, and nearly everybody has notes."""
    twin = sample(1, notes=0.95)
    twin["invoices"]["total"] *= 2

    assert {("invoices", "total", "KSComplement"), ("invoices", "note", "MissingValueSimilarity")} <= failed(
        judged(twin)
    )


def test_shuffled_columns_fail_although_no_two_samples_share_a_city() -> None:
    """What cities say about countries is counted on each side by itself."""
    rng = np.random.default_rng(9)
    second, real = sample(1), sample(0)
    shuffled = {**real, "invoices": real["invoices"].copy()}
    for column in ("city", "country", "total", "note"):
        shuffled["invoices"][column] = rng.permutation(real["invoices"][column].to_numpy())

    assert {
        ("invoices", "city, country", "AssociationSimilarity"),
        ("invoices", None, "MutualInformationKept"),
    } <= (failed(judged(shuffled)))
    strengths = [f for f in judged(second) if f.metric == "AssociationSimilarity"]
    assert strengths
    assert all(f.passed and f.score > 0.7 for f in strengths)


def test_where_siblings_are_not_alike_rows_count_one_by_one() -> None:
    """Two fifths of the invoices have notes, in the twin three: of customers that may be."""
    by_invoice = judged(sample(1, notes=1, noted=0.6), sample(0, notes=1, noted=0.4))
    by_customer = judged(sample(1, notes=0.6), sample(0, notes=0.4))

    assert ("invoices", "note", "MissingValueSimilarity") in failed(by_invoice)
    assert ("invoices", "note", "MissingValueSimilarity") not in failed(by_customer)


def test_a_column_that_is_never_null_gets_no_nulls() -> None:
    twin = sample(1)
    twin["invoices"]["city"] = twin["invoices"]["city"].where(np.arange(INVOICES) % 12 > 0)

    assert ("invoices", "city", "MissingValueSimilarity") in failed(judged(twin))


def test_clustering_is_the_size_of_families_that_are_all_alike_within() -> None:
    families = np.repeat(np.arange(400), 10)
    rng = np.random.default_rng(0)

    assert clustering(np.repeat(rng.integers(0, 3, 400), 10), families) == pytest.approx(10, rel=0.1)
    assert clustering(rng.integers(0, 3, 4_000), families) == pytest.approx(1, abs=0.1)
    assert clustering(np.zeros(4_000, np.int64), families) == 1


def test_one_column_may_refer_to_two_tables() -> None:
    """A code is a country's and a region's; the twin has countries in another order, and fewer regions."""
    codes = [f"C{number:02}" for number in range(60)]
    declared = Metadata()
    declared.add_table("countries", pk="code")
    declared.add_table("areas", pk="area")
    declared.add_table("regions", pk="code", fk={"area": "areas.area"})
    keys = [
        ForeignKey(columns="code", parent=name, parent_columns="code") for name in ("countries", "regions")
    ]
    declared.add_table("cities", pk="id", foreign_keys=keys)

    def world(regions: int, order: int) -> Frames:
        return {
            "countries": pd.DataFrame({"code": codes[::order]}),
            "areas": pd.DataFrame({"area": range(30)}),
            "regions": pd.DataFrame({"code": codes[:regions], "area": np.arange(regions) % 30}),
            "cities": pd.DataFrame({"id": range(300), "code": codes[:30] * 10, "size": np.arange(300) % 7}),
        }

    found = failed(score(declared, world(60, 1), world(30, -1), seed=0, scale=None))

    assert {metric for _, _, metric in found} <= {"CardinalityShapeSimilarity", "NewRowSynthesis"}


def test_families_end_where_a_parent_has_none() -> None:
    """Half of the people have no household, half of these no street, and the twin has fewer of all."""
    declared = Metadata()
    declared.add_table("towns", pk="town")
    declared.add_table("streets", pk="street", fk={"town": "towns.town"})
    declared.add_table("houses", pk="house", fk={"street": "streets.street"})
    declared.add_table("people", pk="id", fk={"house": "houses.house"})

    def world(size: int, seed: int) -> Frames:
        rng = np.random.default_rng(seed)

        def some(rows: int, parents: int) -> pd.Series:
            return pd.Series(rng.integers(0, parents, rows)).astype("Int64").where(rng.random(rows) < 0.5)

        return {
            "towns": pd.DataFrame({"town": range(size)}),
            "streets": pd.DataFrame({"street": range(2 * size), "town": some(2 * size, size)}),
            "houses": pd.DataFrame({"house": range(4 * size), "street": some(4 * size, 2 * size)}),
            "people": pd.DataFrame(
                {
                    "id": range(30 * size),
                    "house": some(30 * size, 4 * size),
                    "age": rng.normal(size=30 * size),
                }
            ),
        }

    assert failed(score(declared, world(60, 0), world(40, 1), seed=0, scale=None)) == set()


def priced(seed: int, *, sold: str = "alike") -> tuple[Metadata, Frames]:
    """Items of orders with the price of their product; another sample has other products.

    Args:
        seed: Decides which products there are.
        sold: "by price": dear products are bought in small numbers, cheap ones in large numbers.
    """
    rng = np.random.default_rng(seed)
    price = rng.gamma(3, 20, 150).round(2)
    product, order = rng.integers(0, 150, 4_000), rng.integers(0, 1_500, 4_000)
    quantity = rng.integers(1, 9, 4_000)
    if sold == "by price":
        quantity = np.clip((300 / price[product]).astype(int), 1, 8)
    declared = Metadata()
    declared.add_table("orders", pk="order_id")
    declared.add_table("products", pk="product_id")
    declared.add_table("items", fk={"order_id": "orders.order_id", "product_id": "products.product_id"})
    items = {"order_id": order, "product_id": product, "quantity": quantity, "price": price[product]}
    return declared, {
        "orders": pd.DataFrame({"order_id": range(1_500), "day": rng.integers(0, 365, 1_500)}),
        "products": pd.DataFrame({"product_id": range(150), "price": price}),
        "items": pd.DataFrame(items),
    }


@pytest.mark.parametrize(("sold", "is_like"), [("alike", True), ("by price", False)])
def test_a_classifier_does_not_know_products_again(sold: str, is_like: bool) -> None:
    """Each price is one product's: knowing it passed for telling the twin's items from real ones."""
    declared, real = priced(0)

    findings = score(declared, real, priced(1, sold=sold)[1], seed=0, detection=True)

    told = [f for f in findings if f.table == "items" and f.metric.startswith("C2ST")]
    assert {f.metric for f in told} == {"C2ST", "C2STWithParent"}
    assert all(f.passed for f in findings) is is_like
    assert (min(f.score for f in told) > 0.7) is is_like
