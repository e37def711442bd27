"""The prompts that are kept, and the provider of the last edit."""

import json

import pytest

from lib.settings import last_used, prompts, settings
from lib.settings.prompts import Prompt, Recall
from tests.systems import DATA_HOME


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.data_folder()


def test_the_latest_is_first_and_none_is_twice():
    for text in ("a lake", "a hill", "a lake", "  "):
        prompts.remember(text)
    assert prompts.load() == [Prompt("a lake"), Prompt("a hill")]


def test_a_star_stays_and_comes_first():
    for number in range(250):
        prompts.remember(f"prompt {number}")
        if number == 3:
            prompts.star("prompt 3", True)
    kept = prompts.load()
    assert kept[0] == Prompt("prompt 3", True) and kept[1].text == "prompt 249" and len(kept) == 200
    prompts.remember("prompt 3")
    assert prompts.load()[0].starred
    prompts.star("prompt 3", False)
    assert [prompt.text for prompt in prompts.load() if prompt.starred] == []


def walk(recall, text, directions):
    """Yield what the box shows after each step back ("U") or forward ("D")."""
    for direction in directions:
        text = recall.step(text, 1 if direction == "U" else -1)
        yield text


def test_what_was_typed_comes_back_after_the_earlier_prompts():
    for text in ("a lake", "a hill"):
        prompts.remember(text)
    recall = Recall()
    assert list(walk(recall, "typed", "DUUUDDD")) == ["typed", "a hill", "a lake", "a lake", "a hill", "typed", "typed"]
    assert list(walk(recall, "a hill!", "UDDU")) == ["typed", "a hill!", "a hill!", "typed"], "an earlier one, changed"
    assert list(walk(recall, "", "UD")) == ["a hill!", ""], "nothing was typed"


def test_a_step_begins_at_the_prompt_in_the_box():
    for text in ("a lake", "a hill", "a boat"):
        prompts.remember(text)
    recall = Recall()
    assert list(walk(recall, "a hill", "UDD")) == ["a lake", "a hill", "a boat"]
    prompts.remember("typed")
    assert list(walk(recall, "typed", "DUD")) == ["typed", "a boat", "typed"], "it was sent meanwhile"


def test_without_an_earlier_prompt_the_box_stays():
    assert list(walk(Recall(), "typed", "UD")) == ["typed", "typed"]


def test_what_is_wrong_in_the_file_is_left_out(folder):
    entries = [{"text": "kept"}, {"text": 7}, "x", {"starred": True}, {"text": "", "starred": True}]
    (folder / "prompts.json").write_text(json.dumps({"version": 1, "prompts": entries}))
    assert prompts.load() == [Prompt("kept")]
    (folder / "prompts.json").write_text("[")
    assert prompts.load() == []


def test_the_last_provider_counts_while_there_is_one_of_that_name(folder):
    assert last_used.load() == ("", "")
    last_used.remember("openai", "gpt-image-2")
    assert last_used.load() == ("openai", "gpt-image-2")
    last_used.remember("gone", "x")
    assert last_used.load() == ("", "")
