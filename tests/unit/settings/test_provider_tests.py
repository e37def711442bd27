"""What tests of providers said outlasts the window, for the address that was tested."""

import pytest

from lib.api import models, providers
from lib.settings import provider_tests, settings
from tests.systems import DATA_HOME

URL = "https://mine.example/v1"
TEST = {"date": "2026-11-28", "verdict": "good", "message": "mine.example responds.", "hint": ""}


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.data_folder()


def test_a_test_and_the_models_are_remembered_for_their_address():
    assert provider_tests.last_test("mine", URL) is None and provider_tests.listed_models("mine", URL) == ("", [])
    provider_tests.remember_test("mine", URL, TEST | {"abilities": "not stored"})
    provider_tests.remember_models("mine", URL, "2026-11-27", ["a", "b"])
    provider_tests.remember_test("version", "https://other.example/v1", TEST)
    assert provider_tests.last_test("mine", URL) == TEST
    assert provider_tests.listed_models("mine", URL) == ("2026-11-27", ["a", "b"])
    assert provider_tests.last_test("mine", URL + "/other") is None
    provider_tests.remember_models("mine", URL + "/other", "2026-11-28", ["c"])
    assert provider_tests.last_test("mine", URL) is None, "the provider has another address now"
    assert provider_tests.last_test("version", "https://other.example/v1") == TEST


def test_the_models_to_choose_from_are_the_tables_own_then_those_that_the_provider_listed():
    own = models.names()
    xai = providers.get("xai")
    assert provider_tests.model_choices(xai) == provider_tests.model_choices(providers.get("local")) == own
    provider_tests.remember_models("xai", xai.base_url, "2026-11-28", ["gpt-image-2", "grok-image", "grok-5"])
    assert provider_tests.model_choices(xai) == [*own, "grok-image"], "image models only"
    provider_tests.remember_models("xai", xai.base_url, "2026-11-28", ["grok-5", "my-own"])
    assert provider_tests.model_choices(xai) == [*own, "grok-5", "my-own"], "any may be an image model"
    odd = ["", "image-a", "image-a", "i" * 201, "image\u2028b"]
    provider_tests.remember_models("xai", xai.base_url, "2026-11-28", odd)
    assert provider_tests.model_choices(xai) == [*own, "image-a", "image\u2028b"]
    provider_tests.remember_models("xai", "https://other.example/v1", "2026-11-28", ["grok-image"])
    assert provider_tests.model_choices(xai) == own, "of another address"


def test_a_test_is_forgotten_and_the_models_stay():
    provider_tests.remember_test("mine", URL, TEST)
    provider_tests.remember_models("mine", URL, "2026-11-27", ["a"])
    provider_tests.forget_test("mine")
    provider_tests.forget_test("nobody")
    assert provider_tests.last_test("mine", URL) is None
    assert provider_tests.listed_models("mine", URL) == ("2026-11-27", ["a"])


def test_a_data_folder_that_cannot_be_used_says_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "file"))
    provider_tests.remember_test("mine", URL, TEST)
    provider_tests.forget_test("mine")
    assert provider_tests.last_test("mine", URL) is None and provider_tests.listed_models("mine", URL) == ("", [])


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"providers": []}', '{"providers": {"mine": 1}}',
     '{"providers": {"mine": {"base_url": "%s", "test": {"date": 1}}}}',
     '{"providers": {"mine": {"base_url": "%s", "models": {"date": 1, "names": {}}}}}'],
)  # fmt: skip
def test_a_damaged_file_says_nothing(data, content):
    (data / "provider-tests.json").write_text(content.replace("%s", URL))
    assert provider_tests.last_test("mine", URL) is None and provider_tests.listed_models("mine", URL) == ("", [])
    provider_tests.remember_test("mine", URL, TEST)
    assert provider_tests.last_test("mine", URL) == TEST
