"""Spending is counted by month and provider; invalid values in the file are ignored."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.settings import settings, spending
from lib.settings.spending import Spending
from tests.systems import DATA_HOME

CHECKOUT = Path(__file__).absolute().parents[3]


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.data_folder() / "spending.json"


def test_known_and_unknown_costs_are_counted_separately():
    assert spending.in_month() == {}
    for dollars in (0.1, 0.2, None):
        spending.add("openai", dollars)
    spending.add("mine", None)
    assert spending.in_month() == {"openai": Spending(0.3, 2, 1), "mine": Spending(0.0, 0, 1)}
    assert spending.in_month("2020-01") == {}


def test_months_are_counted_separately_and_old_ones_are_dropped(monkeypatch, file):
    for month in range(30):
        monkeypatch.setattr(spending, "this_month", lambda month=month: f"{2020 + month // 12}-{month % 12 + 1:02}")
        spending.add("openai", 1.0)
    assert spending.in_month("2020-06") == {} and spending.in_month("2020-07") == {"openai": Spending(1.0, 1, 0)}
    assert len(json.loads(file.read_text())["months"]) == 24


def test_concurrent_processes_lose_nothing():
    program = "from lib.settings import spending\nfor _ in range(40): spending.add('openai', 0.01)"
    started = [subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert spending.in_month() == {"openai": Spending(pytest.approx(1.2), 120, 0)}


@pytest.mark.parametrize("months", [1, [], {"MONTH": 3}, {"MONTH": {"openai": "x"}}, {"MONTH": {"openai": {
    "dollars": -3, "edits": "many", "unknown": 1e300}}}])  # fmt: skip
def test_invalid_values_in_the_file_count_as_zero(file, months):
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"version": 1, "months": months}).replace("MONTH", time.strftime("%Y-%m")))
    assert spending.in_month().get("openai", Spending(0, 0, 0)) == Spending(0, 0, 0)
    spending.add("openai", 0.5)
    assert spending.in_month()["openai"] == Spending(0.5, 1, 0)


def test_a_file_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "file"))
    spending.add("openai", 1.0)
    assert spending.in_month() == {}
