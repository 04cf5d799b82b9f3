"""The report says what was found, and nothing that few real rows hold."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from twins import EVIL, RARE_AMOUNT, RARE_CITY, SCRIPT, report, wide

from synthohive_py.errors import ConnectorError, SettingError
from synthohive_py.quality.metrics import KS, TV
from synthohive_py.report import ValidationReport
from synthohive_py.report.histograms import histogram
from synthohive_py.report.holders import Holders

VOID = {"meta", "rect", "path", "polyline", "br"}


@pytest.fixture(scope="module")
def good() -> ValidationReport:
    return report(shuffle=False)


@pytest.fixture(scope="module")
def poor() -> ValidationReport:
    return report(shuffle=True)


class Tags(HTMLParser):
    """Checks that elements are closed in their order, and collects them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:  # a rect with a title has an end of its own
            assert self.open.pop() == tag


def parsed(made: ValidationReport) -> Tags:
    tags = Tags()
    tags.feed(made.to_html())
    assert tags.open == []
    return tags


def test_a_good_twin_gets_a_good_verdict(good: ValidationReport) -> None:
    assert [f for f in good.failures if f.metric != "RareCombinations"] == []
    assert {"KSComplement", "ColumnPairTrends", "C2ST", "DistanceToClosestRecord", "NewRowSynthesis"} <= {
        f.metric for f in good.findings
    }


def test_a_poor_twin_is_told_why(poor: ValidationReport) -> None:
    page = poor.to_html()

    assert not poor.passed
    assert ("orders", "amount, tax", "CorrelationSimilarity") in {
        (f.table, f.column, f.metric) for f in poor.failures
    }
    assert "Not good enough." in page
    assert page.index("amount, tax") < page.index('id="t0"')  # among the reasons at the top


def test_it_prints_as_a_verdict(good: ValidationReport, poor: ValidationReport) -> None:
    assert str(good) == f"all {len(good.findings)} checks pass"
    assert repr(poor) == f"<ValidationReport: {len(poor.failures)} of {len(poor.findings)} checks fail>"
    first, *failed = str(poor).splitlines()
    assert first in repr(poor)
    assert [line.strip() for line in failed] == list(map(str, poor.failures))
    assert all(" is enough: " in line for line in failed)


def test_every_finding_is_in_the_report_once(good: ValidationReport) -> None:
    seen = [(f.table, f.column, f.metric) for f in good.findings]

    assert len(seen) == len(set(seen))


def test_json_holds_what_the_object_holds(poor: ValidationReport) -> None:
    content = json.loads(poor.to_json())

    assert content["passed"] is False
    assert len(content["failures"]) == len(poor.failures)
    assert [table["name"] for table in content["tables"]] == ["shops", "orders"]
    assert content["tables"][1]["training"]["history"][0]["training_loss"] == 8.7


def test_the_users_own_project_is_a_section(good: ValidationReport) -> None:
    page = good.to_html()
    section = page[page.index('id="project"') : page.index('id="t0"')]

    assert (
        "1 of 2 tests keep their verdict (50.0%); of those that pass on the real data 1 fail on the twins."
        in section
    )
    assert "unique_orders" not in section  # nothing is to be told of it
    assert "not compared: the run on the twins has not built it" in section
    assert "revenue: the mean is 2.70 standard deviations off" in section
    assert "too many" in section
    assert section.count('<details class="more">') == 1  # of the mart that is not good enough
    content = json.loads(good.to_json())["compared"]
    assert content["kept"] == 0.5
    assert [mart["failures"] for mart in content["marts"]] == [2, 0, 0]
    assert 'href="#project"' in page
    assert "#project" not in wide(3).to_html()


def test_names_and_values_are_escaped(good: ValidationReport) -> None:
    tags = parsed(good)

    assert {"script", "img", "link", "iframe", "style"} & {tag for tag, _ in tags.seen} == {"style"}
    assert not [attrs for _, attrs in tags.seen if any(name.startswith("on") for name in attrs)]
    assert SCRIPT not in good.to_html()
    assert EVIL not in good.to_html()
    assert "&lt;script&gt;" in good.to_html()


def test_nothing_is_loaded_from_elsewhere(good: ValidationReport) -> None:
    tags = parsed(good)
    addresses = [attrs[name] or "" for _, attrs in tags.seen for name in ("href", "src") if name in attrs]

    assert all(address.startswith("#") for address in addresses)
    assert "url(" not in good.to_html()
    assert "@import" not in good.to_html()


def test_links_lead_to_what_is_there(good: ValidationReport) -> None:
    tags = parsed(good)
    ids = [attrs["id"] for _, attrs in tags.seen if "id" in attrs]
    targets = {(attrs["href"] or "")[1:] for tag, attrs in tags.seen if tag == "a"}

    assert len(ids) == len(set(ids))
    assert targets <= set(ids)


def test_nothing_that_few_rows_hold_is_told(good: ValidationReport, poor: ValidationReport) -> None:
    for text in (good.to_html(), good.to_json(), poor.to_html()):
        assert RARE_CITY not in text
        assert not [shown for shown in (f"{RARE_AMOUNT}", "987,65", "988,000", "990,000") if shown in text]


def test_bins_of_few_rows_are_not_shown() -> None:
    values = np.concatenate([np.zeros(50), [5.0, 5.0], np.full(50, 9.0)])
    found = histogram(pa.chunked_array([values]), pa.chunked_array([values]), KS, holders=Holders(5))

    assert found is not None
    assert found.real[5] is None
    assert found.twin[5] == pytest.approx(2 / 102)
    assert found.labels == tuple(str(n) for n in range(10))


def test_names_of_rare_categories_are_not_shown() -> None:
    column = pa.chunked_array([["a"] * 40 + ["b"] * 30 + ["secret"] * 3])
    twin = pa.chunked_array([["a"] * 40 + ["b"] * 20 + ["other"] * 20])
    found = histogram(column, twin, TV, holders=Holders(5))

    assert found is not None
    assert found.labels == ("a", "b", "all others")
    assert found.real[2] is None
    assert found.twin[2] == pytest.approx(0.25)


def test_too_few_rows_have_no_picture() -> None:
    column = pa.chunked_array([[1.0, 2.0, 3.0]])

    assert histogram(column, column, KS, holders=Holders(5)) is None


def test_300_columns_are_folded(tmp_path: Path) -> None:
    made = wide(300)
    tags = parsed(made)
    details = [attrs for tag, attrs in tags.seen if tag == "details"]

    assert len(made.tables[0].columns) == 300
    assert sum("open" in attrs for attrs in details) <= 15
    assert "276 columns with weaker relations are left out" in made.to_html()
    assert made.write(tmp_path / "wide.html")[0].stat().st_size < 3_000_000


def test_the_path_says_what_is_written(good: ValidationReport, tmp_path: Path) -> None:
    both = good.write(tmp_path / "reports")
    [page] = good.write(tmp_path / "one.html")
    [data] = good.write(tmp_path / "one.json")

    assert sorted(path.name for path in both) == ["validation_report.html", "validation_report.json"]
    assert page.read_text(encoding="utf-8") == good.to_html()
    assert json.loads(data.read_text(encoding="utf-8"))["detection"] is True


def test_other_endings_and_places_are_refused(good: ValidationReport, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"expected one of \.html, \.htm, \.json"):
        good.write(tmp_path / "report.pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConnectorError, match="can't write the report"):
        good.write(tmp_path / "file" / "report.html")
