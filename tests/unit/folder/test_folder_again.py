"""A run with an output folder of earlier runs: what they have done, and with which settings."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.jobs.job import Job
from plugin.edit.arguments import defaults
from plugin.folder.arguments import FOLDER_ARGUMENTS, read_arguments
from plugin.folder.own_results import OWN_FOLDER, OwnResults
from plugin.folder.pictures import Skipped, list_pictures, mask_reason, unused_masks
from plugin.folder.report import OTHER_SETTINGS, UNUSED_MASK, Summary, report_line, skipped_line
from plugin.folder.resume import NextStep, Progress, next_step, progress_of
from plugin.folder.source import has_changed
from plugin.folder.state import DONE, FAILED, RunState, parse_line

JOB = "/jobs/20261128-055000-abc123"
LINE = {"picture": "a.png", "output": "a.png", "job": JOB, "state": DONE, "outputs": ["a.png"]}


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"a")
    return folder


def run_spec(source, **values):
    given = {"input-folder": str(source), "output-folder": str(source.with_name("out")), "provider": "custom"}
    return read_arguments(
        defaults(FOLDER_ARGUMENTS) | given | {name.replace("_", "-"): values[name] for name in values}
    )


def digest(source, **values):
    spec = run_spec(source, **values)
    [picture] = spec.pictures
    return spec.request_digest(picture)


OTHERS = {
    "prompt": "a boat", "provider": "local", "model": "m", "n": 2, "mask": "none", "output_format": "webp",
    "output_compression": 40, "feather": 2.0, "grow": 3, "context": "layer", "extra": '{"seed": 1}', "fit": False,
}  # fmt: skip


def test_the_digest_changes_only_with_settings_that_change_the_result(source):
    first = digest(source)
    same = {"concurrency": 7, "max_cost": 3.0, "timeout": 9.0, "retry_unknown": True, "user": "u", "stream": True}
    for name, value in {**same, "pattern": "*.png", "prompt": " fill ", "output_format": "png"}.items():
        assert digest(source, **{name: value}) == first, name
    others = {digest(source, **{name: value}) for name, value in OTHERS.items()}
    assert len(others | {first}) == len(OTHERS) + 1
    (source / "a.mask.png").write_bytes(b"a mask")
    with_mask = digest(source)
    (source / "a.mask.png").write_bytes(b"another mask")
    assert len({first, with_mask, digest(source)}) == 3 and digest(source, mask="none") == digest(source, mask="none")


def test_a_row_of_the_prompts_file_is_part_of_the_settings(source):
    table = source.with_name("prompts.csv")
    table.write_text("picture,prompt\na.png,a boat\n")
    assert digest(source, prompts_file=str(table)) == digest(source, prompt="a boat") != digest(source)


@pytest.mark.parametrize(
    ("line", "present", "has_other_settings", "progress"),
    [
        ({}, (), False, Progress.TO_DO),
        ({"output": "a.png"}, (), False, Progress.TO_DO),
        ({"output": "a.png", "job": JOB}, (), False, Progress.STARTED),
        ({"output": "a.png", "job": JOB, "state": FAILED}, (), True, Progress.STARTED),
        (LINE, ("a.png",), False, Progress.DONE),
        (LINE, ("a.png",), True, Progress.DONE),
        (LINE, (), False, Progress.RESULT_MISSING),
        (LINE, (), True, Progress.TO_DO),
        (LINE | {"outputs": ["a.png", "a~2.png"]}, ("a~2.png",), False, Progress.RESULT_MISSING),
        (LINE | {"outputs": ["a.png", "a~2.png"]}, ("a~2.png",), True, Progress.DONE),
        (LINE | {"outputs": []}, (), False, Progress.RESULT_MISSING),
    ],
)
def test_progress_depends_on_the_last_line_the_results_and_the_settings(
    tmp_path, line, present, has_other_settings, progress
):
    for name in present:
        (tmp_path / name).touch()
    assert progress_of(line, tmp_path, has_other_settings=has_other_settings) is progress


def summary_of(*lines, earlier=0):
    summary = Summary(earlier=earlier)
    for line in lines:
        summary.count(line)
    return summary


def test_the_summary_counts_pictures_done_earlier_and_with_other_settings():
    done, other = report_line("a.png", {"state": DONE, "cost": 1.0}), report_line("b.png", {"state": OTHER_SETTINGS})
    summary = summary_of(done, other, other, earlier=1)
    counts = "1 of 3 pictures are done, 1 of them by another run, 2 done earlier with other settings"
    assert str(summary) == f"{counts}, $1.00."
    assert not summary.is_complete and "choose another output folder, or delete or rename" in " ".join(summary.hints)
    summary = summary_of(done, earlier=1)
    assert summary.is_complete and "Nothing was sent." in " ".join(summary.hints)
    assert summary_of(done).hints == []


def test_a_mask_without_a_picture_is_reported():
    lines = [skipped_line(Skipped(name, mask_reason(), is_mask=True)) for name in ("b.mask.png", "c.mask.png")]
    assert [line["status"] for line in lines] == [UNUSED_MASK] * 2
    summary = summary_of(report_line("a.png", {"state": DONE}), lines[0])
    assert summary.is_complete and str(summary) == "1 of 1 picture is done."
    assert summary.hints == ["1 mask belongs to no picture: b.mask.png."]
    assert summary_of(*lines).hints == ["2 masks belong to no picture, such as b.mask.png."]


def test_masks_match_pictures_regardless_of_case_and_unicode_form(source):
    names = [
        "a.mask.png", "b.jpg.mask.png", "b.jpg", "C.MASK.PNG", "C.xyz", "d.mask.png", "caf\u00e9.mask.png",
        "cafe\u0301.jpg", "e.mask.png", "e.txt", "f/g.mask.png", "g.jpg", "h.mAsk.png", "h.png", "i.Mask.png", "i.tif",
    ]  # fmt: skip
    assert unused_masks(names, ["a.png", "C.xyz"]) == ["d.mask.png", "e.mask.png", "f/g.mask.png", "h.mAsk.png"]
    for name in ("a.mask.png", "foo.mask.png", "deep/b.mask.png"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).touch()
    assert unmatched(source) == ["foo.mask.png"]
    assert unmatched(source, pattern="**/*") == ["deep/b.mask.png", "foo.mask.png"]
    assert unmatched(source, mask="alpha") == [], "mask files are not used"
    table = source.with_name("prompts.csv")
    table.write_text("picture,prompt\na.png,a boat\n")
    assert unmatched(source, prompts_file=str(table)) == ["foo.mask.png"]
    (source / "foo.jpg").touch()
    assert unmatched(source, pattern="*.png") == [], "it belongs to a picture that the pattern does not match"


def unmatched(source, **values):
    return [each.name for each in run_spec(source, **values).skipped if each.is_mask]


DAMAGED = [
    {"picture": "a.png"}, {"picture": "a.png", "state": DONE}, {"picture": "a.png", "output": 3},
    {"picture": "a.png", "output": "../x.png"}, {"picture": "a.png", "output": "/etc/passwd"},
    {"picture": "a.png", "output": "a\0.png"}, {"picture": ["a.png"], "output": "a.png"},
    {"picture": "a.png", "job": JOB}, {"files": [None, 3, {"name": 3}, {"name": "x", "size": "1", "sha256": []}]},
    {"files": "x"}, {"version": "99"}, 3, None,
]  # fmt: skip


@pytest.mark.parametrize("damaged", [*map(json.dumps, DAMAGED), "{", "\x00", "[" * 100_000], ids=lambda text: text[:40])
def test_a_damaged_line_of_the_state_is_ignored(tmp_path, damaged):
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(['{"version": 1}', json.dumps(LINE), damaged]) + "\n")
    state = RunState(path)
    assert state.last("a.png") == LINE and state.pictures() == ["a.png"]
    state.close()


def test_a_damaged_line_still_counts_as_a_request(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text(json.dumps({"picture": "a.png", "job": 5}) + "\n")
    state = RunState(path)
    line = state.last("a.png")
    state.close()
    assert progress_of(line, tmp_path, has_other_settings=False) is Progress.STARTED
    assert next_step(Path(line["job"]), was_done=False, retry_unknown=False) is NextStep.REPORT_UNKNOWN


@pytest.mark.parametrize("name", ["Documents", "20261128", "a\0b"])
def test_a_folder_that_is_not_a_job_is_never_touched(tmp_path, name):
    folder = tmp_path / name
    if "\0" not in name:
        folder.mkdir()
    assert next_step(folder, was_done=False, retry_unknown=False) is NextStep.REPORT_UNKNOWN
    assert next_step(Path("20261128-055000-abc123"), was_done=False, retry_unknown=False) is NextStep.REPORT_UNKNOWN


FIELDS = st.sampled_from([*LINE, "files", "source", "request", "cost", "request_ids", "seconds", "message", "provider"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "size", "sha256"]), inner),
    max_leaves=4,
)


@given(st.dictionaries(FIELDS, VALUES, max_size=6))
def test_any_line_of_the_state_can_be_read_and_reported(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("any")
    line = parse_line(json.dumps(LINE | values).encode())
    progress_of(line, folder, has_other_settings=False)
    has_changed(folder, line.get("source"))
    if "job" in line:
        next_step(Path(line["job"]), was_done=False, retry_unknown=False)
    summary = summary_of(report_line("a.png", line))
    assert str(summary) and summary.cost >= 0


def test_renamed_and_copied_results_are_not_edited(tmp_path):
    out, source = tmp_path / "in" / "out", tmp_path / "in"
    (out / OWN_FOLDER).mkdir(parents=True)
    state = RunState(out / OWN_FOLDER / "run.jsonl")
    contents = {"renamed.png": b"one", "copy.png": b"two", "like the source.png": b"same"}
    for name, data in contents.items():
        file = {"name": f"was {name}", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        state.add(name, output=f"was {name}", files=[file])
    sent = {"size": 4, "modified": 1, "sha256": hashlib.sha256(b"same").hexdigest()}
    state.add("x.png", output="x.png", job=JOB, source=sent)
    state.close()
    for name, data in {**contents, "other.png": b"oth", "a.png": b"picture"}.items():
        (source / name).write_bytes(data)
    listing = list_pictures(source, "", out)
    assert listing.pictures == ["a.png", "like the source.png", "other.png"]
    assert [each.name for each in listing.skipped] == ["copy.png", "renamed.png"]
    assert list_pictures(source, "**/*").pictures == listing.pictures, "they are results of another run too"
    (source / "renamed.png").rename(out / "again.png")
    assert OwnResults([out]).contains(out / "again.png", is_link=False), "also in the output folder"


@pytest.fixture
def local_job(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    job = Job.new()
    job.release()
    job.write_json("job.json", {"provider": "local"})
    job.write("sent.json", b"{}")
    return job


def test_a_request_to_the_embedded_engine_is_sent_again_and_never_counts_as_billed(local_job):
    options = {"was_done": False, "retry_unknown": False}
    assert next_step(local_job.folder, **options) is NextStep.SEND
    local_job.write("response.json", b"{")
    assert next_step(local_job.folder, **options) is NextStep.SEND
    gone = local_job.folder.with_name("20200101-000000-abcdef")
    assert next_step(gone, **options, is_free=True) is NextStep.SEND
    assert next_step(gone, was_done=True, retry_unknown=False, is_free=True) is NextStep.SEND
    assert next_step(gone, **options) is NextStep.REPORT_UNKNOWN
