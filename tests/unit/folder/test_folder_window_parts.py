"""What the Edit Folder window knows of earlier runs without GIMP: the state that it only reads, and the arguments."""

import json
import re
from pathlib import Path

from lib.settings import last_used
from plugin.edit.arguments import defaults
from plugin.folder import saved_arguments
from plugin.folder.arguments import FOLDER_ARGUMENTS, InputPicture, RunSpec
from plugin.folder.state import RunState, read_lines

CHECKOUT = Path(__file__).absolute().parents[3]
VALUES = defaults(FOLDER_ARGUMENTS)


def test_the_window_has_a_control_for_every_argument_that_has_an_effect_in_it():
    form = (CHECKOUT / "plugin/folder_window/form.py").read_text(encoding="utf-8")
    # Previews are for the canvas, which a folder run does not have; the prompt has a box of its own.
    names = {argument.name for argument in FOLDER_ARGUMENTS} - {"stream", "partial-images", "prompt"}
    fields = set(re.findall(r'Field\(\s*config,\s*"([a-z-]+)"', form))
    assert names - fields == {"mask"}
    assert "MaskField(config)" in form and "PromptBox(config" in form


def test_the_state_is_read_without_being_created_or_changed(tmp_path):
    path = tmp_path / "run.jsonl"
    assert read_lines(tmp_path) == {} and not path.exists()
    state = RunState(path)
    state.add("a.png", output="a.png", job="/jobs/1")
    state.add("a.png", output="a.png", job="/jobs/1", state="done", outputs=["a.png"])
    state.add("b.png", output="b.png", job="/jobs/2")
    expected = {name: state.last(name) for name in ("a.png", "b.png")}
    state.close()
    with path.open("ab") as file:
        file.write(b'{"picture": "c.png", "outp')  # another process is writing
    before = path.read_bytes()
    assert read_lines(tmp_path) == expected and path.read_bytes() == before


def test_the_arguments_of_the_last_run_are_offered_again_as_far_as_they_are_valid(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert saved_arguments.of_last_run() == {"input-folder": "", "output-folder": ""}
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (out / ".generative-edit").mkdir(parents=True)
    values = {**VALUES, "prompt": "snow", "n": 2}
    spec = RunSpec(source, out, [InputPicture("a.png", {})], 4, 0.0, False, values)
    saved_arguments.store(spec)
    assert last_used.folders() == (str(source), str(out)) and last_used.load() == ("", "")
    folders = {"input-folder": str(source), "output-folder": str(out)}
    assert saved_arguments.of_last_run() == {**values, **folders}

    file = out / ".generative-edit" / "arguments.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "n": "two", "prompt": 3, "mask": "alpha"}))
    assert saved_arguments.of_run(out) == {**VALUES, **folders, "mask": "alpha"}
    source.rmdir()
    assert saved_arguments.of_last_run()["input-folder"] == ""
