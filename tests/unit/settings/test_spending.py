"""Spending is counted by month and provider; invalid values in the file are ignored."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lib.api import cost, models
from lib.api.cost import ReportedOutput
from lib.api.request import EditRequest
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


NEW = models.get("gpt-image-2.6-flare")
REQUEST = EditRequest([b""], "a boat", model=NEW.name, size="1024x1024")
SQUARE = (1024, 1024)


def add_reports(*tokens, request=REQUEST, model=NEW, size=SQUARE):
    for count in tokens:
        spending.add_report("openai", request, model, ReportedOutput(size, count))


def output_dollars(request=REQUEST, model=NEW, provider="openai"):
    expected = spending.estimate(provider, request, model, [SQUARE])
    return expected.parts["output"], expected.approximate, expected.answers


def test_a_model_without_published_tokens_is_estimated_by_what_answers_reported():
    assert output_dollars() == (pytest.approx(439 * 30e-6), True, 0), "as for gpt-image-2.5, medium"
    add_reports(1000, 900, 1300)
    assert output_dollars() == (pytest.approx(1000 * 30e-6), True, 3), "the median"
    assert output_dollars(replace(REQUEST, quality="high"))[2] == 0, "another quality"
    assert output_dollars(replace(REQUEST, quality="medium"))[2] == 3, "the default quality, by its name"
    assert output_dollars(replace(REQUEST, complexity="low"))[2] == 0, "another complexity"
    assert output_dollars(replace(REQUEST, complexity="high"))[2] == 3, "the default complexity, by its name"
    assert output_dollars(provider="a-test-server")[2] == 0, "another provider may count in another way"
    assert output_dollars(model=models.get("openai/gpt-image-2.6-flare"))[2] == 0, "a gateway's model"
    assert output_dollars(model=models.get("gpt-image-2.5-flare")) == (pytest.approx(439 * 30e-6), False, 0)
    add_reports(*[2000] * 20)
    assert output_dollars() == (pytest.approx(2000 * 30e-6), True, 20), "of the last 20"


def test_another_size_is_estimated_in_proportion_until_it_has_reports_of_its_own():
    add_reports(2 * 439)
    wide = replace(REQUEST, size="3840x2160")
    assert output_dollars(wide) == (pytest.approx(2 * 439 * 13342 / 7024 * 30e-6), True, 1)
    add_reports(700, request=wide, size=(3840, 2160))
    assert output_dollars(wide) == (pytest.approx(700 * 30e-6), True, 1)


def test_reports_are_bounded_and_invalid_ones_ignored(file):
    spending.add("openai", 1.0)
    add_reports(*range(1, 120))
    for number in range(25):
        add_reports(5, request=replace(REQUEST, quality=f"q{number}"))
    data = json.loads(file.read_text())
    assert data["months"] and len(data["reports"]) == 20 and len(data["reports"][f"openai {NEW.name} q24 high"]) == 1
    for broken in (None, 7, [[1024, 1024, "x"], [1024, -1, 5], [1], True], {"a": 1}):
        file.write_text(json.dumps(data | {"reports": {f"openai {NEW.name} medium high": broken}}))
        assert output_dollars()[2] == 0
    thin = [[1, 9_999_999, 400], [9_999_999, 1, 400]]
    file.write_text(json.dumps(data | {"reports": {f"openai {NEW.name} medium high": thin}}))
    assert output_dollars()[2] == 2, "sizes that no model has are no error"
    file.write_text(json.dumps(data | {"reports": [1]}))
    add_reports(*range(1, 120))
    assert len(json.loads(file.read_text())["reports"][f"openai {NEW.name} medium high"]) == 100


def test_the_output_of_one_image_is_reported_without_the_previews_that_came():
    usage = {"input_tokens": 9, "output_tokens": 2100, "output_tokens_details": {"image_tokens": 2000}}
    request = replace(REQUEST, stream=True, partial_images=2)
    reported = [cost.reported_output(request, usage, 2, previews) for previews in (0, 1, 4)]
    assert reported == [ReportedOutput(SQUARE, tokens) for tokens in (1000, 950, 800)]
    assert cost.reported_output(request, usage, 1, 20) is None, "no more than the previews themselves"
    assert cost.reported_output(REQUEST, {"output_tokens": 2100}, 1) == ReportedOutput(SQUARE, 2100)
    assert cost.reported_output(replace(REQUEST, size="auto"), usage, 1) is None
    assert cost.reported_output(REQUEST, None, 1) is None and cost.reported_output(REQUEST, usage, 0) is None
