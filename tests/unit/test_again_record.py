"""A layer's record is data from a file: it is checked like any input, and never carries a path or a key."""

import json

import pytest

from plugin.edit.arguments import defaults
from plugin.edit.options import read
from plugin.edit.record import LARGEST, BadRecord, LayerName, missing_references, read_record

REQUEST = {"prompt": "a boat", "n": 2, "quality": "high", "background": "opaque", "output_compression": 70}
RECORD = {
    "version": 1,
    "request": REQUEST,
    "provider": "openai",
    "model": "gpt-image-2",
    "options": {"sample_merged": True, "context": 40, "largest_size": 2048, "fit": False, "grow": 9, "feather": 3.0},
    "edited": {"name": "base", "tattoo": 7},
    "references": {"layers": [{"name": "hat", "tattoo": 9}, {"name": "sky"}], "others": 1},
    "usage": {"total_tokens": 1},
}


def record(**changes):
    return read_record(json.dumps(RECORD | changes).encode())


def test_the_arguments_of_the_edit_come_back():
    again = record()
    told = {name: value for name, value in again.values.items() if value != defaults()[name]}
    assert told == {
        "prompt": "a boat", "n": 2, "quality": "high", "output-compression": 70, "provider": "openai",
        "model": "gpt-image-2", "sample-merged": True, "context": "40", "largest-size": "2048", "fit": False,
    }  # fmt: skip
    assert read(again.values, {}).request["background"] == "opaque"


def test_the_layers_that_were_used_are_named():
    again = record()
    assert again.edited == LayerName("base", 7) and again.other_references == 1
    assert again.references == (LayerName("hat", 9), LayerName("sky", 0))
    assert missing_references(0) == "" and "2 reference pictures" in missing_references(2)


def test_whether_something_was_selected_is_known_unless_the_first_version_wrote_the_record():
    assert record(selected=True).selected and not record(selected=False).selected
    assert not record().selected and not record(selected=1).selected and not record(selected="true").selected


def test_a_record_without_options_is_as_the_first_version_wrote_it():
    bare = {name: RECORD[name] for name in ("version", "request", "provider", "model")}
    again = read_record(json.dumps(bare).encode())
    assert again.values["context"] == "" and again.edited is None and again.references == ()


def test_no_path_no_key_and_nothing_unread_is_taken_over():
    hostile = {
        "extra": {"api_base": "http://evil.example", "api_key": "sk-x"}, "user": "somebody", "api_key": "sk-y",
        "references": '["/etc/passwd"]', "mask": "/etc/passwd", "timeout": 1, "max_cost": 99,
    }  # fmt: skip
    again = record(request=REQUEST | hostile, references=["/etc/passwd"], base_url="http://evil.example")
    assert "evil" not in str(again) and "passwd" not in str(again) and "sk-" not in str(again)
    assert again.notes == ("Not taken over from the layer: extra, user.",)
    assert again.values["references"] == "" and again.values["max-cost"] == 0


def test_fields_that_stay_with_the_user_are_named():
    assert record(left_out=["user", "x", 3]).notes == ("Not taken over from the layer: user.",)
    assert record(left_out="extra").notes == ()


UNREADABLE = [
    b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b" " * (LARGEST + 1), b'{"version": 1}',
    b'{"version": 1, "request": []}', b'{"version": 2, "request": {}}', b'{"request": {"prompt": "x"}}',
]  # fmt: skip


@pytest.mark.parametrize("data", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_broken_record_is_a_sentence(data):
    with pytest.raises(BadRecord, match=r"^[A-Z].*\.$"):
        read_record(data)


WRONG = {
    "prompt": ["a"], "n": True, "size": 1024, "quality": {}, "stream": 1, "partial_images": 2.5,
    "output_format": "x\0y", "moderation": "\ud800", "input_fidelity": "high" * 100,
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_field_of_another_kind_is_named(name):
    with pytest.raises(BadRecord, match=f"{name.replace('_', '-')} is damaged"):
        record(request=REQUEST | {name: WRONG[name]})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"request": REQUEST | {"n": 400}}, "n 400"),
        ({"request": REQUEST | {"partial_images": -1}}, "partial-images -1"),
        ({"request": REQUEST | {"prompt": "x" * 32_001}}, "prompt is damaged"),
        ({"options": {"context": "../x"}}, "context"),
        ({"options": {"largest_size": -1}}, "largest-size"),
        ({"provider": 7, "model": ["m"]}, "provider is damaged. model is damaged."),
    ],
)
def test_a_value_is_checked_as_an_argument_is(changes, told):
    with pytest.raises(BadRecord, match=told.replace(".", r"\.")):
        record(**changes)


@pytest.mark.parametrize("odd", [None, 7, "x", [], [{"name": 3}], {"layers": "x", "others": "many"}, {"others": 2**40}])
def test_odd_references_count_as_none(odd):
    again = record(references=odd, edited=odd)
    assert again.references == () and again.other_references == 0 and again.edited is None
