"""The parts of a folder run that need no GIMP: patterns, names, the prompts file, the state, the report."""

import csv
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.jobs import history
from lib.jobs.job import Job
from lib.storage.file_lock import locked_where_possible
from lib.worker.edit_job import EditJob
from plugin.folder.estimates import TimeLeft, time_left_text
from plugin.folder.job_history import RetainedJobs
from plugin.folder.output import OutputFolder
from plugin.folder.output_names import OutputNames, comparable, variation_names
from plugin.folder.pictures import is_inside, list_pictures, mask_beside, mask_of, matcher
from plugin.folder.prompts import BadPrompts, read_prompts
from plugin.folder.report import COLUMNS, read_objects, report_line, write_report
from plugin.folder.resume import NextStep, next_step, withdraw
from plugin.folder.source import describe_source, has_changed
from plugin.folder.state import DONE, UNKNOWN, NewerVersion, RunState
from tests.systems import DATA_HOME

NAMES = st.text("abAB.~12", min_size=1, max_size=6).filter(lambda name: name.strip("."))
PICTURES = st.sets(st.builds("{}.{}".format, NAMES, st.sampled_from(["png", "PNG", "jpg", "xcf"])), max_size=12)
KINDS = {"prompt": str, "n": int, "feather": float, "fit": bool, "extra": str}


def files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("pattern", "pictures"),
    [
        ("", ["B.PNG", "a.jpg", "c d.webp"]),
        ("*.png", ["B.PNG"]),
        ("?.{png,jpg}", ["B.PNG", "a.jpg"]),
        ("[!a].*", ["B.PNG"]),
        ("**/*.jpg", ["a.jpg", "deep/down/e.jpg", "deep/f.jpg"]),
        ("deep/*", ["deep/f.jpg"]),
        ("*.txt", ["notes.txt"]),
        ("*.gif", []),
    ],
)
def test_a_pattern_selects_pictures(tmp_path, pattern, pictures):
    files(tmp_path, "a.jpg", "B.PNG", "c d.webp", "notes.txt", ".hidden.png", "a.mask.png", "deep/f.jpg")
    files(tmp_path, "deep/down/e.jpg", "out/a.jpg", ".cache/x.jpg")
    assert list_pictures(tmp_path, pattern, tmp_path / "out").pictures == pictures


@pytest.mark.parametrize("pattern", ["a[b", "{a,b", "a}"])
def test_an_unclosed_bracket_or_brace_in_a_pattern_is_an_error(pattern):
    with pytest.raises(ValueError, match="not closed"):
        matcher(pattern)


@given(st.text(max_size=12))
def test_any_text_is_a_pattern_or_an_error(pattern):
    try:
        matcher(pattern).fullmatch("a/b.png")
    except ValueError as error:
        assert "pattern" in str(error)


@given(PICTURES, PICTURES)
def test_no_two_results_have_the_same_name(pictures, taken):
    names = OutputNames(Path("/nowhere"), pictures, taken)
    outputs = [names.choose(picture, ".png") for picture in sorted(pictures)]
    every = [comparable(name) for output in outputs for name in variation_names(output, 3)]
    assert len(set(every)) == len(every)
    assert not set(map(comparable, outputs)) & set(map(comparable, taken))


def test_a_result_has_the_name_of_its_picture_if_possible():
    pictures = {"a.jpg": ".png", "a.png": ".png", "A.webp": ".png", "d/b.xcf": ".webp", "c~2.png": ".png"}
    names = OutputNames(Path("/nowhere"), pictures)
    assert {picture: names.choose(picture, ending) for picture, ending in pictures.items()} == {
        "a.jpg": "a.png",
        "a.png": "a.png.png",
        "A.webp": "A.webp.png",
        "d/b.xcf": "d/b.webp",
        "c~2.png": "c~2.png.png",
    }
    assert variation_names("d/c.png", 2) == ["d/c.png", "d/c~2.png"]


def test_mask_names_and_names_outside_the_folder():
    assert mask_of("d/a.b.jpg") == "d/a.b.mask.png"
    assert [is_inside(name) for name in ("a.png", "d/a.png")] == [True, True]
    assert [is_inside(name) for name in ("../a.png", "/a.png", "d/../../a", "C:/a.png", "")] == [False] * 5


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("IMG_1.JPG", "IMG_1.MASK.PNG"),
        ("a.png", "a.mask.PNG"),
        ("b.jpg", "b.jpg.mask.png"),
        ("caf\u00e9.jpg", "cafe\u0301.mask.png"),
        ("cafe\u0301.jpg", "caf\u00e9.Mask.png"),
    ],
)
def test_a_mask_is_found_regardless_of_case_and_unicode_form(tmp_path, picture, mask):
    assert mask_beside(tmp_path, picture) == tmp_path / mask_of(picture)
    (tmp_path / mask).touch()
    assert mask_beside(tmp_path, picture).samefile(tmp_path / mask) and not list_pictures(tmp_path, "").pictures


def test_a_replaced_picture_is_detected_and_a_copy_is_not(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    description = json.loads(json.dumps(describe_source(path)))
    assert not has_changed(path, description) and not has_changed(path, None)
    path.write_bytes(b"one")
    os.utime(path, ns=(1, 1))
    assert not has_changed(path, description), "only its time differs"
    path.write_bytes(b"two")
    os.utime(path, ns=(2, 2))
    assert has_changed(path, description)
    path.write_bytes(b"longer")
    os.utime(path, ns=(description["modified"], description["modified"]))
    assert has_changed(path, description)
    path.unlink()
    assert not has_changed(path, description) and describe_source(path) is None, "a missing one is reported elsewhere"


def test_csv_and_json_lines_give_the_same_rows(tmp_path):
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    table.write_text('\ufeffpicture;prompt;n;fit;Extra\r\na.png;"two\nlines";2;no;"{""seed"": 1}"\r\nb.png;;;;\r\n')
    objects = [{"picture": "a.png", "prompt": "two\nlines", "n": 2, "fit": False, "extra": {"seed": 1}}]
    lines.write_text("\n".join(map(json.dumps, [*objects, {"picture": "b.png", "n": None}])) + "\n\n")
    expected = [("a.png", {"prompt": "two\nlines", "n": 2, "fit": False, "extra": '{"seed": 1}'}), ("b.png", {})]
    for path in (table, lines):
        assert [(row.picture, row.values) for row in read_prompts(path, KINDS)] == expected


def test_all_problems_of_a_prompts_file_are_reported_at_once(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("picture,n,feather,colour\na.png,two,1,\n,1,,\nb.png,1,x,red\nb.png,1,,,x,\nc.png,1.5,,\n")
    with pytest.raises(BadPrompts) as caught:
        read_prompts(path, KINDS)
    problems = " ".join(caught.value.problems)
    for part in ("Line 2: n cannot be 'two'", "colour", "Line 3: the column", "Line 4: feather", "6 cells", "'1.5'"):
        assert part in problems, problems


@pytest.mark.parametrize(
    ("cell", "value"),
    [("2,5", 2.5), ("0,125", 0.125), (",5", 0.5), ("1000,5", 1000.5), ("1,000", None), ("-12,345", None)],
)
def test_a_decimal_comma_is_read_and_a_thousands_separator_is_refused(tmp_path, cell, value):
    path = tmp_path / "a.csv"
    path.write_text(f"picture;feather\na.png;{cell}\n")
    if value is None:
        with pytest.raises(BadPrompts, match=f"Line 2: feather cannot be '{cell}'"):
            read_prompts(path, KINDS)
    else:
        assert read_prompts(path, KINDS)[0].values == {"feather": value}


TABLE = 'picture,prompt,feather,fit\n"a.png","two\nlines, ""so"" ü",0.5,TRUE\nb.png,,,\n'
ROWS = [("a.png", {"prompt": 'two\nlines, "so" ü', "feather": 0.5, "fit": True}), ("b.png", {})]


def windows(text):
    return text.replace("\n", "\r\n")


def with_empty_columns(text):
    return windows('picture;prompt;feather;fit;;\na.png;"two\nlines, ""so"" ü";0,5;WAHR;;\nb.png;;;;;;\n;;;;\n').encode(
        "utf-8-sig"
    )


TABS = TABLE.replace('"a.png"', "a.png").replace(",0.5,", "\t0,5\t").replace(",,,", "\t\t\t")
TABS = TABS.replace("picture,prompt,feather,fit", "picture\tprompt\tfeather\tfit").replace("a.png,", "a.png\t")
TABS = TABS.replace("0,5\tTRUE", "0,5\tVRAI")
WRITTEN = {
    "LibreOffice": TABLE.encode(),
    "LibreOffice, all cells quoted": TABLE.replace(
        "picture,prompt,feather,fit", '"picture","prompt","feather","fit"'
    ).encode(),
    "Numbers, with the table's empty title": windows("\n" + TABLE).encode(),
    "Numbers, German, with the table's empty title": b"\r\n" + with_empty_columns(TABLE)[3:],
    "Excel, CSV UTF-8": windows(TABLE).encode("utf-8-sig"),
    "Excel, German, cleared columns and rows": with_empty_columns(TABLE),
    "Excel, Unicode text": windows(TABS).encode("utf-16"),
    "big-endian": windows(TABS).encode("utf-16-be"),
    "UTF-16 without a mark": TABS.encode("utf-16-le"),
    "a line that names the separator": b"sep=;\r\n" + with_empty_columns(TABLE)[3:],
    "an old Mac": TABLE.replace("two\nlines", "two lines").replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("program", WRITTEN)
def test_tables_of_all_spreadsheet_programs_are_read(tmp_path, program):
    path = tmp_path / "a.csv"
    path.write_bytes(WRITTEN[program])
    rows = [(row.picture, row.values) for row in read_prompts(path, KINDS)]
    for _picture, values in rows:
        if "prompt" in values:
            values["prompt"] = values["prompt"].replace("\r\n", "\n").replace("two lines", "two\nlines")
    assert rows == ROWS


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("picture,prompt\na.png,ü\n".encode("cp1252"), "a.csv is not in UTF-8. Save it as UTF-8."),
        (b"PK\x03\x04 and more", "a.csv is a spreadsheet. Save it as CSV, in UTF-8."),
        (b"\xd0\xcf\x11\xe0 and more", "a.csv is a spreadsheet. Save it as CSV, in UTF-8."),
        (
            b"File;Prompt\na.png;x\n",
            "no column is called “picture” (“File”, “Prompt”). Give that name to the column with the file names.",
        ),
        (b"sep=;\nBild;prompt\na.png;x\n", "Line 2: no column is called “picture”"),
        (b"File;Prompt\na.png;x\n", "(“File”, “Prompt”)"),
        (b"picture,prompt,prompt\na.png,x,\n", "Line 1: 2 columns are called “prompt”."),
        (b"picture,\na.png,x\n", "Line 2: 'x' is in a column without a name."),
        (b'picture,n\n"a\n.png",1\nb.png,x\n', "Line 4: n cannot be 'x'"),
    ],
)
def test_an_unusable_table_is_refused_with_a_hint(tmp_path, data, sentence):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(BadPrompts) as caught:
        read_prompts(path, KINDS)
    assert sentence in " ".join(caught.value.problems)


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"picture": 1}', '{"picture": "a", "n": true}', '{"picture": ""}'])
def test_a_line_that_is_not_a_row_is_an_error(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(line)
    if line == '{"picture": 1}':
        assert read_prompts(path, KINDS)[0].picture == "1"
        return
    with pytest.raises(BadPrompts, match="Line 1"):
        read_prompts(path, KINDS)


def test_repeated_pictures_and_empty_files_are_errors(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("picture\na.png\na.png\n")
    with pytest.raises(BadPrompts, match="Line 3: a.png is already in line 2"):
        read_prompts(path, KINDS)
    path.write_text("picture\n")
    with pytest.raises(BadPrompts, match="no rows"):
        read_prompts(path, KINDS)


@given(st.binary(max_size=200), st.sampled_from([".csv", ".jsonl"]))
def test_any_prompts_file_is_read_or_refused_with_a_message(tmp_path_factory, data, ending):
    path = tmp_path_factory.mktemp("any") / f"a{ending}"
    path.write_bytes(data)
    try:
        rows = read_prompts(path, KINDS)
    except BadPrompts as error:
        assert error.problems
    else:
        assert all(row.picture for row in rows)


def test_the_last_line_of_a_picture_counts_after_a_restart(tmp_path):
    path = tmp_path / "run.jsonl"
    state = RunState(path)
    state.add("a", output="a.png", job="/j")
    state.add("b ü", output="b.png", job="/k")
    state.add("a", output="a.png", job="/j", state=DONE, cost=0.5)
    state.close()
    state = RunState(path)
    assert state.last("a")["state"] == DONE and state.last("a")["cost"] == 0.5
    assert "state" not in state.last("b ü") and state.last("c") is None and state.pictures() == ["a", "b ü"]


@given(st.integers(0, 400))
def test_a_truncated_state_is_read_and_continued(tmp_path_factory, end):
    path = tmp_path_factory.mktemp("cut") / "run.jsonl"
    state = RunState(path)
    for number in range(4):
        state.add(f"p{number}", output="x", job="j")
    state.close()
    path.write_bytes(path.read_bytes()[:end])
    whole = path.read_bytes().count(b'"job": "j"}\n')
    state = RunState(path)
    assert len(state.pictures()) == whole
    state.add("new", output="y", job="k")
    state.close()
    assert RunState(path).last("new")["job"] == "k"


def test_a_state_of_a_newer_version_is_not_touched(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text('{"version": 99}\n')
    with pytest.raises(NewerVersion):
        RunState(path)
    assert path.read_text() == '{"version": 99}\n'


def test_a_second_run_detects_the_first_one(tmp_path):
    lock = tmp_path / "run.lock"
    with locked_where_possible(lock) as first, locked_where_possible(lock) as second:
        assert first and not second
    with locked_where_possible(lock) as third:
        assert third


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    job = Job.new()
    job.release()
    job.write("job.json", b"{}")
    return job


def step_of(job, **options):
    return next_step(job.folder, **{"was_done": False, "retry_unknown": False, **options})


@pytest.fixture
def state(job, tmp_path):
    state = RunState(tmp_path / "run.jsonl")
    state.add("a.png", output="a.png", job=str(job.folder))
    yield state
    state.close()


def test_a_job_that_was_not_sent_is_withdrawn_and_sent_again(job, state):
    assert step_of(job) is NextStep.WITHDRAW
    assert withdraw(state, "a.png", "a.png", job)
    assert state.last("a.png") == {"picture": "a.png", "output": "a.png"} and not job.folder.exists()
    assert report_line("a.png", state.last("a.png"))["status"] == "not-started"


def test_a_job_that_a_worker_has_is_watched(job, state):
    with job.claim() as is_claimed:
        assert is_claimed and not withdraw(state, "a.png", "a.png", job)
        assert step_of(job) is NextStep.WATCH
    assert job.path("job.json").exists() and state.last("a.png")["job"]


def test_a_job_is_not_sent_if_its_withdrawal_was_killed(job, state, monkeypatch):
    def killed(*_arguments, **_facts):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(state, "add", killed)
        with pytest.raises(SystemExit):
            withdraw(state, "a.png", "a.png", job)
    assert EditJob(job, lambda event: None).run()["event"] == "error" and not job.was_sent
    assert step_of(job) is NextStep.WITHDRAW and withdraw(state, "a.png", "a.png", job)
    assert not job.folder.exists() and "job" not in state.last("a.png")


def test_a_request_without_a_response_is_reported_and_only_sent_again_on_request(job):
    job.write("sent.json", b"{}")
    assert step_of(job) is NextStep.REPORT_UNKNOWN
    assert step_of(job, retry_unknown=True) is NextStep.SEND
    assert job.folder.exists(), "it stays in the history"


def test_only_a_refused_request_that_was_not_billed_is_sent_again(job):
    job.write("sent.json", b"{}")
    job.write_json("response.json", {"error": {"message": "busy", "maybe_billed": False}})
    assert step_of(job) is NextStep.SEND
    job.write_json("response.json", {"error": {"message": "odd", "maybe_billed": True}})
    assert step_of(job) is NextStep.REPORT_UNKNOWN
    job.write("response.json", b"{")
    assert step_of(job) is NextStep.REPORT_UNKNOWN


def test_a_result_is_collected_and_a_missing_job_folder_counts_as_unknown(job):
    job.write("sent.json", b"{}")
    job.write("result-1.png", b"x")
    assert step_of(job) is NextStep.COLLECT and step_of(job, was_done=True) is NextStep.COLLECT
    job.mark_inserted()
    assert step_of(job) is NextStep.COLLECT
    history.delete(job.folder)
    assert step_of(job) is NextStep.REPORT_UNKNOWN and step_of(job, was_done=True) is NextStep.REPORT_LOST


def test_both_files_of_the_report_have_the_same_content(tmp_path):
    done = {"output": "a.png", "state": DONE, "outputs": ["a.png"], "cost": 0.25, "request_ids": ["r1", "r2"]}
    lines = [
        report_line("a ü.png", done),
        report_line("=b.png", {"output": "b.png", "job": "/j", "state": UNKNOWN, "message": "may be"}),
        report_line("c.png", {"output": "c.png", "job": "/j"}),
        report_line("d.png", None),
        report_line("e\u2028\x85\udcff.png", None),
    ]
    (tmp_path / ".generative-edit").mkdir()
    state = RunState(tmp_path / ".generative-edit" / "run.jsonl")
    summary = write_report(OutputFolder(tmp_path, state), lines)
    assert read_objects(tmp_path / "report.jsonl") == lines
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == COLUMNS and table[0]["request_ids"] == "r1 r2" and table[1]["picture"] == "'=b.png"
    assert [row["status"] for row in table] == ["done", "unknown", "under-way", *["not-started"] * 2]
    assert str(summary).startswith("1 of 5 pictures are done, 1 unknown, may have been billed")
    assert "$0.25" in str(summary) and not summary.is_complete
    assert sorted(path.name for path in tmp_path.iterdir()) == [".generative-edit", "report.csv", "report.jsonl"]


def test_the_time_left_follows_the_latest_pictures():
    left = TimeLeft(100, 0.0)
    assert left.seconds() is None and time_left_text(None) == ""
    for number in range(60):
        left.end(10.0 * (number + 1) if number < 10 else 100.0 + (number - 9))
    assert left.seconds() == pytest.approx(40) and left.share == 0.6
    assert time_left_text(40) == "about 40 s left" and time_left_text(150) == "about 2 min left"
    assert time_left_text(7260) == "about 2 h 1 min left"


def test_the_size_of_retained_jobs_is_limited(tmp_path):
    retained = RetainedJobs(limit=250)
    for number in range(4):
        folder = tmp_path / f"j{number}"
        folder.mkdir()
        (folder / "x").write_bytes(bytes(100))
        retained.add(folder)
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == ["j2", "j3"]
