"""What happens when a process dies midway: nothing that was paid for is lost, nothing is left behind in the image."""

import json
import os
import shutil
import signal

import pytest

from tests.gimp.harness import CHECKOUT, GimpUnderTest
from tests.waiting import wait_until

PROVIDER = {"prompt": "x", "provider": "custom"}


@pytest.mark.one_gimp("3.0")
def test_a_killed_worker_is_an_error_and_the_image_is_untouched(gimp, out, endpoint):
    endpoint.behave("echo", seconds=5)
    gimp.begin("edits.edit_case", case="ellipse", out=str(out), **PROVIDER)
    wait_until(lambda: endpoint.received)
    workers = gimp.processes("lib.worker")
    assert len(workers) == 1
    os.kill(workers[0], signal.SIGKILL)
    done = gimp.result()
    assert done["status"] == "execution-error" and "worker process ended" in done["error"]
    assert done["after"] == done["before"]
    assert len(endpoint.received) == 1


def test_a_result_is_on_disk_although_gimp_was_killed(installed, environment, endpoint, tmp_path):
    endpoint.behave("invert", seconds=4)
    with installed.start(tmp_path, environment=environment, linger=True) as running:
        running.begin("edits.edit_case", case="ellipse", out=str(tmp_path), **PROVIDER)
        wait_until(lambda: endpoint.received)
        for process in running.processes("--batch-interpreter"):
            os.kill(process, signal.SIGKILL)
        response = wait_until(lambda: list(running.data.glob("jobs/*/response.json")))[0]
        wait_until(lambda: not running.processes("lib.worker"))
    answer = json.loads(response.read_text())
    assert answer["results"] == ["result-1.png"] and (response.parent / "result-1.png").stat().st_size > 1000
    assert not (response.parent / "inserted").exists()
    assert len(endpoint.received) == 1


def test_a_preview_that_was_lost_costs_nothing(gimp):
    end = gimp.call("ends.end_of", lost=["preview.raw"])
    assert end["error"] is None and end["results"] == 1 and end["more_layers"] == 1


def test_a_result_that_cannot_be_read_ends_the_edit_and_is_not_paid_for_twice(gimp):
    end = gimp.call("ends.end_of", lost=["result.raw"])
    assert end["error"]["message"].startswith("The result cannot be inserted: No such file")
    assert end["folder"] in end["error"]["message"]
    assert end["error"]["maybe_billed"] is True and end["more_layers"] == 0


def test_a_canvas_that_fails_ends_the_edit_too(gimp):
    end = gimp.call("ends.end_of", broken=True)
    assert "An unexpected error" in end["error"]["message"]
    assert end["error"]["maybe_billed"] is True and end["more_layers"] == 0


def test_a_script_whose_result_cannot_be_read_is_told_where_it_is_and_not_to_try_again(gimp):
    done = {"event": "done", "layers": ["layer-1.rgba"], "layer_mask": None, "layer_masks": [], "report": {"notes": []}}
    end = gimp.call("ends.script_end", **done)
    assert end["error"].startswith("The result cannot be inserted: No such file")
    assert "again" not in end["error"] and end["left"] and end["left"][0] in end["error"]


def test_the_folder_stays_where_the_sentence_sends_people_to_its_log_and_else_goes(gimp):
    failed = {"event": "error", "message": "The worker failed.", "hint": "See worker.log."}
    assert gimp.call("ends.script_end", **failed)["left"] == []
    end = gimp.call("ends.script_end", **failed, see_log=True)
    assert end["error"].startswith("The worker failed.") and end["logs"] == [True]


def test_a_log_that_is_still_open_does_not_hide_the_error(gimp):
    end = gimp.call("ends.script_end_with_a_held_log", event="error", message="The worker failed.", hint="Try again.")
    assert end["error"] == "The worker failed. Try again." and end["logs"] == [True]


def test_a_worker_that_died_after_the_answer_says_where_it_is(gimp):
    end = gimp.call("ends.worker_dies", answered=True)
    assert end["folder"] in end["hint"] and "History" in end["hint"] and end["maybe_billed"] is True
    end = gimp.call("ends.worker_dies", answered=False)
    assert "again" not in end["hint"] and end["maybe_billed"] is True


def test_the_worker_is_heard_after_a_failure_too(gimp):
    root, log = gimp.config / "plug-ins" / "generative-edit", gimp.work / "worker.log"
    assert gimp.call("ends.answers_after_a_failure", root=str(root), log=str(log)) == ["answer"]


@pytest.mark.one_gimp("3.2")
def test_a_window_starts_another_worker_for_its_next_request(gimp):
    root = gimp.config / "plug-ins" / "generative-edit"
    assert gimp.call("ends.answers_of_a_killed_worker", root=str(root)) == ["answer"] * 3


def linked_or_copied(source, target):
    """A hard link, which needs no room; a copy where the temporary folder is another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.mark.whole_run
def test_the_folder_that_3_2_takes_over_from_3_0_gives_the_one_sentence_until_install(tmp_path):
    """3.2 copies plug-ins only to a certain depth; what arrives says what to do, and install.py mends it."""
    old, new = GimpUnderTest.find("3.0"), GimpUnderTest.find("3.2")
    before, after = tmp_path / ".config/GIMP/3.0", tmp_path / ".config/GIMP/3.2"
    assert old.install().returncode == 0
    shutil.copytree(old.config / "plug-ins", before / "plug-ins", copy_function=linked_or_copied)
    with new.start(tmp_path, config="home") as running:
        assert (after / "plug-ins/generative-edit/generative-edit.py").exists(), "3.2 takes the folder over"
        outcome = running.call("edits.edit_case", case="corner", out=str(tmp_path))
    assert outcome["status"] == "execution-error" and "install.py" in outcome["error"]
    assert outcome["after"] == outcome["before"]
    done = new.python(CHECKOUT / "install.py", folders=[tmp_path], environment={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    with new.start(tmp_path, config="home") as running:
        done = running.call("edits.edit_case", case="corner", out=str(tmp_path), prompt="remove")
    assert done["status"] == "success", done["error"]
