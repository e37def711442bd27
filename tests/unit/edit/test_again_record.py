"""The record of an edit: data from a file, checked like any input, that never carries a path or a key."""

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


def test_the_arguments_of_the_edit_are_read_back():
    values = record().values
    assert {name: value for name, value in values.items() if value != defaults()[name]} == {
        "prompt": "a boat", "n": 2, "quality": "high", "output-compression": 70, "provider": "openai",
        "model": "gpt-image-2", "sample-merged": True, "context": "40", "largest-size": "2048", "fit": False,
    }  # fmt: skip
    assert read(values, {}).request["background"] == "opaque"


def test_the_layers_that_the_edit_used_are_read_back():
    edit = record()
    assert edit.edited == LayerName("base", 7) and edit.other_references == 1
    assert edit.references == (LayerName("hat", 9), LayerName("sky", 0))
    assert missing_references(0) == "" and "2 reference pictures" in missing_references(2)


def test_a_layers_name_may_be_of_any_length_and_is_text():
    names = [{"name": "n" * 5000, "tattoo": 3}, {"name": "a\0b"}, {"name": "\ud800"}, {"name": "notes"}]
    edit = record(markup=names[0], references={"layers": names})
    assert edit.markup == LayerName("n" * 5000, 3)
    assert edit.references == (LayerName("n" * 5000, 3), LayerName("notes", 0))


def test_an_edit_has_a_selection_only_where_its_record_says_true():
    assert record(selected=True).has_selection and not record(selected=False).has_selection
    assert not record().has_selection, "version 0.1 did not record it"
    assert not record(selected=1).has_selection and not record(selected="true").has_selection


def test_a_record_of_version_0_1_without_options_is_read():
    bare = {name: RECORD[name] for name in ("version", "request", "provider", "model")}
    edit = read_record(json.dumps(bare).encode())
    assert edit.values["context"] == "" and edit.edited is None and edit.references == ()


def test_paths_keys_and_unknown_fields_are_ignored():
    hostile = {
        "extra": {"api_base": "http://evil.example", "api_key": "sk-x"}, "user": "somebody", "api_key": "sk-y",
        "references": '["/etc/passwd"]', "mask": "/etc/passwd", "timeout": 1, "max_cost": 99,
    }  # fmt: skip
    edit = record(request=REQUEST | hostile, references=["/etc/passwd"], base_url="http://evil.example")
    assert "evil" not in str(edit) and "passwd" not in str(edit) and "sk-" not in str(edit)
    assert edit.notes == ("Not taken from the earlier edit: extra, user.",)
    assert edit.values["references"] == "" and edit.values["max-cost"] == 0


def test_a_note_names_the_fields_that_were_left_out():
    assert record(left_out=["user", "x", 3]).notes == ("Not taken from the earlier edit: user.",)
    assert record(left_out="extra").notes == ()


UNREADABLE = [
    b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b" " * (LARGEST + 1), b'{"version": 1}',
    b'{"version": 1, "request": []}', b'{"version": 2, "request": {}}', b'{"request": {"prompt": "x"}}',
]  # fmt: skip


@pytest.mark.parametrize("data", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_broken_record_is_reported_in_a_sentence(data):
    with pytest.raises(BadRecord, match=r"^[A-Z].*\.$"):
        read_record(data)


WRONG = {
    "prompt": ["a"], "n": True, "size": 1024, "quality": {}, "stream": 1, "partial_images": 2.5,
    "output_format": "x\0y", "moderation": "\ud800", "input_fidelity": "high" * 100,
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_field_of_the_wrong_type_is_named(name):
    with pytest.raises(BadRecord, match=f"{name.replace('_', '-')} is damaged"):
        record(request=REQUEST | {name: WRONG[name]})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"request": REQUEST | {"n": 400}}, "n 400"),
        ({"request": REQUEST | {"partial_images": -1}}, "partial-images -1"),
        ({"request": REQUEST | {"prompt": "x" * 32_001}}, "prompt is damaged"),
        ({"options": {"context": "../x"}}, "context"),
        ({"options": {"largest_size": -1}}, "largest-size"),
        ({"provider": 7, "model": ["m"]}, "provider is damaged. model is damaged."),
    ],
)
def test_values_are_checked_as_arguments_are(changes, problem):
    with pytest.raises(BadRecord, match=problem.replace(".", r"\.")):
        record(**changes)


@pytest.mark.parametrize("odd", [None, 7, "x", [], [{"name": 3}], {"layers": "x", "others": "many"}, {"others": 2**40}])
def test_malformed_references_are_ignored(odd):
    edit = record(references=odd, edited=odd)
    assert edit.references == () and edit.other_references == 0 and edit.edited is None
