"""The stored prompts, and the provider of the last edit."""

import json

import pytest

from lib.settings import last_used, prompts, settings
from lib.settings.prompts import Prompt, PromptHistory
from tests.systems import DATA_HOME


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.data_folder()


def test_the_latest_prompt_is_first_and_none_is_stored_twice():
    for text in ("a lake", "a hill", "a lake", "  "):
        prompts.remember(text)
    assert prompts.load() == [Prompt("a lake"), Prompt("a hill")]


def test_starred_prompts_come_first_and_are_never_dropped():
    for number in range(250):
        prompts.remember(f"prompt {number}")
        if number == 3:
            prompts.star("prompt 3", True)
    stored = prompts.load()
    assert stored[0] == Prompt("prompt 3", True) and stored[1].text == "prompt 249" and len(stored) == 200
    prompts.remember("prompt 3")
    assert prompts.load()[0].starred
    prompts.star("prompt 3", False)
    assert [prompt.text for prompt in prompts.load() if prompt.starred] == []


def walk(history, text, directions):
    """Yield the text in the box after each step back ("U") or forward ("D")."""
    for direction in directions:
        text = history.step(text, 1 if direction == "U" else -1)
        yield text


def test_a_typed_text_comes_back_after_the_earlier_prompts():
    for text in ("a lake", "a hill"):
        prompts.remember(text)
    history = PromptHistory()
    texts = list(walk(history, "typed", "DUUUDDD"))
    assert texts == ["typed", "a hill", "a lake", "a lake", "a hill", "typed", "typed"]
    assert list(walk(history, "a hill!", "UDDU")) == ["typed", "a hill!", "a hill!", "typed"], "an earlier one, changed"
    assert list(walk(history, "", "UD")) == ["a hill!", ""], "nothing was typed"


def test_a_step_starts_at_the_prompt_in_the_box():
    for text in ("a lake", "a hill", "a boat"):
        prompts.remember(text)
    history = PromptHistory()
    assert list(walk(history, "a hill", "UDD")) == ["a lake", "a hill", "a boat"]
    prompts.remember("typed")
    assert list(walk(history, "typed", "DUD")) == ["typed", "a boat", "typed"], "it was sent meanwhile"


def test_without_earlier_prompts_the_box_does_not_change():
    assert list(walk(PromptHistory(), "typed", "UD")) == ["typed", "typed"]


def test_invalid_entries_of_the_file_are_ignored(folder):
    entries = [{"text": "kept"}, {"text": 7}, "x", {"starred": True}, {"text": "", "starred": True}]
    (folder / "prompts.json").write_text(json.dumps({"version": 1, "prompts": entries}))
    assert prompts.load() == [Prompt("kept")]
    (folder / "prompts.json").write_text("[")
    assert prompts.load() == []


def test_the_last_provider_is_used_only_while_it_exists(folder):
    assert last_used.load() == ("", "")
    last_used.remember("openai", "gpt-image-2")
    assert last_used.load() == ("openai", "gpt-image-2")
    last_used.remember("gone", "x")
    assert last_used.load() == ("", "")
