"""How the windows were left is stored, and a damaged file changes nothing."""

import json

import pytest

from lib.settings import first_time, last_used, settings, window_state
from tests.systems import DATA_HOME


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))


def test_groups_are_closed_until_the_user_opens_them():
    assert not window_state.group_is_open("advanced")
    window_state.remember_group("advanced", True)
    window_state.remember_group("size", False)
    assert window_state.group_is_open("advanced") and not window_state.group_is_open("size")


def test_the_place_of_a_window_is_stored_beside_those_of_others():
    window_state.remember_geometry("panel", (10, 20, 400, 600))
    window_state.remember_geometry("history", (-5, 0, 300, 200))
    assert window_state.geometry("panel") == (10, 20, 400, 600)
    assert window_state.geometry("history") == (-5, 0, 300, 200) and window_state.geometry("other") is None


@pytest.mark.parametrize("value", ["left", [1, 2, 3], [1, 2, "3", 4], [0, 0, 0, 5], [10**9, 0, 5, 5], [True, 0, 5, 5]])
def test_a_place_that_is_none_is_ignored(value):
    content = {"version": 1, "windows": {"panel": value}, "groups": []}
    (settings.data_folder() / "windows.json").write_text(json.dumps(content), encoding="utf-8")
    assert window_state.geometry("panel") is None and not window_state.group_is_open("size")


@pytest.mark.parametrize("way", ["settings", "an edit", "environment", "skipped"])
def test_the_first_time_ends_when_a_provider_is_chosen_or_the_choice_is_skipped(way, monkeypatch):
    monkeypatch.delenv("GENERATIVE_EDIT_PROVIDER", raising=False)
    assert first_time.is_first_time()
    if way == "settings":
        settings.change(provider="openai")
    elif way == "an edit":
        last_used.remember("openai", "")
    elif way == "environment":
        monkeypatch.setenv("GENERATIVE_EDIT_PROVIDER", "openai")
    else:
        first_time.acknowledge()
    assert not first_time.is_first_time()
