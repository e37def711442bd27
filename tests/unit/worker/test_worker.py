"""The worker as a process: its messages and events, its end, and the files in the job folder."""

import io
import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from lib.api import models, providers
from lib.api.request import EditRequest
from lib.frame.frame import Plan
from lib.frame.geometry import Rect, Size
from lib.jobs.job import Job
from lib.settings import settings, spending
from lib.worker.edit_job import EditJob
from lib.worker.moderation import remedies
from plugin.folder.resume import NextStep, next_step
from tests.gimp.endpoint import TestEndpoint
from tests.recording_proxy import RecordingProxy
from tests.systems import DATA_HOME
from tests.waiting import wait_until

CHECKOUT = Path(__file__).absolute().parents[3]


@pytest.fixture(scope="module")
def endpoint():
    server = TestEndpoint()
    yield server
    server.close()


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return make_job()


def make_job(**changes):
    job = Job.new()
    picture = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    mask = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle((40, 24, 55, 39), fill=(255, 255, 255, 0))
    for name, image in (("image-1.png", picture), ("mask.png", mask)):
        file = io.BytesIO()
        image.save(file, "PNG")
        job.write(name, file.getvalue())
    area = Rect(0, 0, 96, 64)
    job_spec = {
        "version": 1, "provider": "local", "request": {"prompt": "fill", "n": 1, "size": "96x64"},
        "images": ["image-1.png"], "references": [], "mask": "mask.png", "layer_mask": None, "fit": False,
        "max_cost": None, "timeout": 60.0, "plan": Plan(area, area, Size(96, 64)).to_json(),
    }  # fmt: skip
    job.write_json("job.json", job_spec | changes)
    return job


def start(job, environment=None):
    return subprocess.Popen(
        [sys.executable, "-s", "-E", "-m", "lib.worker", str(job.path("worker.log"))],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )


def tell(worker, **message):
    worker.stdin.write(json.dumps(message).encode() + b"\n")
    worker.stdin.flush()


def send_and_wait(worker, job, endpoint):
    """Start a job and wait until its request has arrived at the endpoint."""
    tell(worker, do="edit", job=str(job.folder))
    wait_until(lambda: endpoint.received)


def read_until(worker, is_it):
    """Read the worker's events up to the first that satisfies `is_it`."""
    for event in map(json.loads, worker.stdout):
        if is_it(event):
            return
    raise AssertionError("the worker ended without that event")


def events_of(worker):
    return [json.loads(line) for line in worker.stdout]


def run(job, environment=None):
    """Run a job to its end; return all events."""
    with start(job, environment) as worker:
        tell(worker, do="edit", job=str(job.folder))
        worker.stdin.close()
        return events_of(worker)


def to_test(endpoint):
    return {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-canary"}


def test_a_local_job_saves_its_results(job):
    events = run(job)
    assert events[-1]["event"] == "done"
    assert {"event": "result", "file": "result-1.png", "job": str(job.folder)} in events
    assert len(job.path("layer-1.rgba").read_bytes()) == 96 * 64 * 4
    assert job.read_json("response.json")["results"] == ["result-1.png"]
    assert job.path("sent.json").exists() and job.path("worker.log").read_bytes() == b""
    report = events[-1]["report"]
    assert report["frame"] == [0, 0, 96, 64] and report["cost"] == 0 and report["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("scheme", ["http", "socks"])
def test_a_local_job_sends_nothing_to_a_proxy(job, endpoint, scheme):
    endpoint.behave("echo")
    with RecordingProxy() as proxy:
        assert run(job, proxy.variables(scheme))[-1]["event"] == "done"
        own = run(make_job(provider="custom"), to_test(endpoint) | proxy.variables(scheme))
        assert own[-1]["event"] == "done", "nor does a job for another server on this computer"
        assert proxy.connections() == 0


def test_end_of_input_before_a_job_ends_the_worker(job):
    with start(job) as worker:
        worker.stdin.close()
        assert events_of(worker) == [] and worker.wait(30) == 0


def test_the_result_is_saved_after_stdout_is_closed(job, endpoint):
    endpoint.behave("echo", seconds=1)
    changed = make_job(provider="custom")
    with start(changed, to_test(endpoint)) as worker:
        worker.stdout.close()
        tell(worker, do="edit", job=str(changed.folder))
        worker.stdin.close()
        assert worker.wait(30) == 0
    assert changed.read_json("response.json")["results"] == ["result-1.png"]
    assert changed.path("worker.log").read_bytes() == b""


def test_one_of_two_concurrent_jobs_can_be_cancelled(job, endpoint):
    endpoint.behave("held")
    first, second = make_job(provider="custom"), make_job(provider="custom")
    with start(first, to_test(endpoint)) as worker:
        for each in (first, second):
            tell(worker, do="edit", job=str(each.folder))
        wait_until(lambda: len(endpoint.received) == 2)
        tell(worker, do="cancel", job=str(second.folder))
        worker.stdin.close()
        read_until(worker, {"event": "cancelled", "job": str(second.folder)}.__eq__)
        endpoint.release.set()
        events = events_of(worker)
    ends = {event["job"]: event["event"] for event in events}
    assert ends == {str(first.folder): "done"}


def test_an_unknown_request_is_answered_with_an_error(job):
    with start(job) as worker:
        tell(worker, do="sing", id=7)
        worker.stdin.close()
        (answer,) = events_of(worker)
    assert answer["event"] == "answer" and answer["id"] == 7 and "sing" in answer["error"]["message"]


def test_cancelling_closes_the_connection(job, endpoint):
    endpoint.behave("held")
    job = make_job(provider="custom")
    with start(job, to_test(endpoint)) as worker:
        send_and_wait(worker, job, endpoint)
        tell(worker, do="cancel")
        worker.stdin.close()
        assert events_of(worker)[-1] == {"event": "cancelled", "job": str(job.folder)}
        assert not endpoint.release.is_set(), "it did not wait for the answer"


def test_a_job_cancelled_before_a_retry_is_not_billed(job, endpoint):
    endpoint.behave("busy")
    job = make_job(provider="custom")
    with start(job, to_test(endpoint)) as worker:
        tell(worker, do="edit", job=str(job.folder))
        read_until(worker, lambda event: event["event"] == "retry")
        tell(worker, do="cancel")
        worker.stdin.close()
        assert events_of(worker)[-1] == {"event": "cancelled", "job": str(job.folder)}
    assert not job.was_sent and not job.path("response.json").exists() and spending.in_month() == {}


def interrupt(worker, how):
    """Interrupt the worker as a folder run does at Ctrl-C, or as the terminal does itself."""
    if how == "line":
        tell(worker, do="withdraw")
    else:
        worker.send_signal(getattr(signal, how))


@pytest.mark.posix
@pytest.mark.parametrize("how", ["line", "SIGINT", "SIGHUP"])
def test_nothing_is_sent_after_ctrl_c(job, endpoint, how):
    endpoint.behave("busy")
    job = make_job(provider="custom", patience=3600.0)
    with start(job, to_test(endpoint)) as worker:
        tell(worker, do="edit", job=str(job.folder))
        while json.loads(worker.stdout.readline())["event"] != "retry":
            pass
        interrupt(worker, how)
        assert json.loads(worker.stdout.readline()) == {"event": "cancelled", "job": str(job.folder)}
        later = make_job(provider="custom")
        tell(worker, do="edit", job=str(later.folder))
        worker.stdin.close()
        assert events_of(worker)[-1] == {"event": "cancelled", "job": str(later.folder)}
    assert len(endpoint.received) == 1
    assert not job.was_sent and not later.was_sent and spending.in_month() == {}


@pytest.mark.posix
@pytest.mark.parametrize("how", ["line", "SIGINT"])
def test_an_outstanding_answer_is_saved_after_ctrl_c(job, endpoint, how):
    endpoint.behave("echo", seconds=1)
    job = make_job(provider="custom")
    with start(job, to_test(endpoint)) as worker:
        send_and_wait(worker, job, endpoint)
        interrupt(worker, how)
        worker.stdin.close()
        assert events_of(worker)[-1]["event"] == "done"
    assert job.read_json("response.json")["results"] == ["result-1.png"]


def test_cancelling_after_the_answer_saves_it_and_makes_no_more_layers(job, endpoint):
    endpoint.behave("drift")
    job = make_job(provider="custom", fit=True, request={"prompt": "fill", "n": 10, "size": "96x64"})
    with start(job, to_test(endpoint)) as worker:
        tell(worker, do="edit", job=str(job.folder))
        read_until(worker, {"event": "stage", "name": "fit", "job": str(job.folder)}.__eq__)
        tell(worker, do="cancel")
        worker.stdin.close()
        assert events_of(worker)[-1] == {"event": "cancelled", "job": str(job.folder)}
    assert len(list(job.folder.glob("result-*"))) == 10 and len(list(job.folder.glob("layer-*"))) < 10
    assert len(job.read_json("response.json")["results"]) == 10
    assert spending.in_month()["custom"].unknown == 1, "no price is known for it"


@pytest.mark.parametrize(("behaviour", "billed"), [("refuse", False), ("die", True), ("garbage", True)])
def test_a_failure_is_reported_once_and_saved(job, endpoint, behaviour, billed):
    endpoint.behave(behaviour)
    job = make_job(provider="custom")
    last = run(job, to_test(endpoint))[-1]
    assert last["event"] == "error" and last["message"] and last["hint"] and last["maybe_billed"] is billed
    assert job.read_json("response.json")["error"]["message"] == last["message"]
    assert len(endpoint.received) == 1
    assert all(b"sk-canary" not in path.read_bytes() for path in job.folder.iterdir())


def test_a_folder_run_does_not_retry_after_a_gateway_timeout(job, endpoint):
    endpoint.behave("gateway_timeout")
    job = make_job(provider="custom", patience=3600.0)
    assert run(job, to_test(endpoint))[-1]["maybe_billed"] is True
    assert next_step(job.folder, was_done=False, retry_unknown=False) is NextStep.REPORT_UNKNOWN
    assert len(endpoint.received) == 1 and spending.in_month()["custom"].unknown == 1


def test_nothing_is_sent_above_max_cost(job, endpoint):
    endpoint.behave("echo")
    request = {"prompt": "x", "n": 4, "size": "1024x1024", "quality": "high", "model": "gpt-image-2"}
    job = make_job(provider="custom", max_cost=0.10, request=request)
    last = run(job, to_test(endpoint))[-1]
    assert last["event"] == "error" and "max-cost is $0.1" in last["message"]
    job = make_job(provider="custom", max_cost=0.10, request=request | {"model": "nobody-knows"})
    assert "can't be estimated" in run(job, to_test(endpoint))[-1]["message"]
    assert not endpoint.received and not job.path("sent.json").exists()


def test_nothing_is_sent_above_the_monthly_limit(job, endpoint):
    endpoint.behave("echo")
    settings.change(monthly_limit=1.0)
    request = {"prompt": "x", "n": 1, "size": "1024x1024", "quality": "low", "model": "gpt-image-2"}
    assert run(make_job(provider="custom", request=request), to_test(endpoint))[-1]["event"] == "done"
    spending.add("custom", 0.999)
    last = run(make_job(provider="custom", request=request), to_test(endpoint))[-1]
    assert last["event"] == "error" and "this month's limit of $1.00" in last["message"]
    assert "Nothing was sent" in last["message"] and len(endpoint.received) == 1


def test_a_provider_without_an_address_is_reported(job):
    last = run(make_job(provider="custom"), {"OPENAI_BASE_URL": ""})[-1]
    assert last["event"] == "error" and "OPENAI_BASE_URL" in last["hint"]


def test_an_invalid_address_is_reported(job):
    last = run(make_job(provider="custom"), {"OPENAI_BASE_URL": "http://127.0.0.1:port/v1"})[-1]
    assert last["message"] == "OPENAI_BASE_URL http://127.0.0.1:port/v1: the port must be a number from 1 to 65535."
    assert "Correct the environment variable" in last["hint"]


@pytest.mark.posix
def test_packages_for_another_python_are_reported(job, tmp_path):
    """A stamp of another Python beside the code: one event, before any package is loaded."""
    for name in ("lib", "plugin"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    (tmp_path / "stamp.json").write_text('{"python_version": "3.99"}')
    program = (
        "import sys; from pathlib import Path; import lib.worker.__main__ as worker;"
        "worker.STAMP = Path('stamp.json'); sys.exit(worker.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(job.path("worker.log"))], cwd=tmp_path, capture_output=True, text=True
    )
    event = json.loads(done.stdout)
    assert event["event"] == "error" and "3.99" in event["message"] and "install.py" in event["hint"]


def test_output_of_libraries_goes_to_the_log(job, tmp_path):
    program = (
        "import sys; from pathlib import Path; from lib.worker.__main__ import Events, take_over_output;"
        "emit = Events(take_over_output(Path(sys.argv[1]))); print('noise', flush=True); import os;"
        "os.write(1, b'raw noise'); emit({'event': 'notice'})"
    )
    log = tmp_path / "log"
    done = subprocess.run([sys.executable, "-c", program, str(log)], cwd=CHECKOUT, capture_output=True)
    assert done.stdout == b'{"event": "notice"}\n' and b"noise" in log.read_bytes() and b"raw noise" in log.read_bytes()


def test_the_worker_tidies_the_history_after_a_job(job):
    old = job.folder.with_name("20200101-000000-000000")
    old.mkdir()
    os.utime(old, (1.6e9, 1.6e9))
    assert run(job)[-1]["event"] == "done"
    assert not old.exists() and job.path("result-1.png").exists()


def test_a_job_is_never_sent_twice(job, endpoint):
    endpoint.behave("echo")
    job = make_job(provider="custom")
    assert run(job, to_test(endpoint))[-1]["event"] == "done"
    again = run(job, to_test(endpoint))[-1]
    assert again["event"] == "error" and "already been sent" in again["message"] and len(endpoint.received) == 1


def test_a_killed_worker_leaves_a_job_with_an_unknown_answer(job, endpoint):
    endpoint.behave("echo", seconds=3)
    job = make_job(provider="custom")
    with start(job, to_test(endpoint)) as worker:
        send_and_wait(worker, job, endpoint)
        worker.kill()
    assert job.path("sent.json").exists() and not job.path("response.json").exists()


def test_spending_is_counted_when_the_answer_arrives(job, endpoint):
    endpoint.behave("echo")
    request = {"prompt": "fill", "n": 1, "size": "96x64"}
    assert run(make_job(request=request))[-1]["event"] == "done", "the built-in engine costs nothing"
    assert spending.in_month() == {}
    for model in ("gpt-image-2", "nobody-knows"):
        priced = request | {"model": model, "size": "1024x1024"}
        assert run(make_job(provider="custom", request=priced), to_test(endpoint))[-1]["event"] == "done"
    one = spending.in_month()["custom"]
    assert (one.edits, one.unknown) == (1, 1) and one.dollars == pytest.approx(1 * 5e-6 + 2 * 8e-6 + 4 * 30e-6)
    endpoint.behave("refuse")
    run(make_job(provider="custom", request=request), to_test(endpoint))
    assert spending.in_month()["custom"] == one, "a refused request is not billed"
    endpoint.behave("die")
    run(make_job(provider="custom", request=request), to_test(endpoint))
    assert spending.in_month()["custom"].unknown == 2, "an interrupted request may have been billed"


def test_the_tokens_that_an_answer_reports_correct_later_estimates(job, endpoint):
    endpoint.behave("echo")
    request = {"prompt": "fill", "n": 1, "size": "1024x1024", "model": "gpt-image-2.6-flare"}
    assert run(make_job(provider="custom", request=request), to_test(endpoint))[-1]["event"] == "done"
    expected = spending.estimate("custom", EditRequest([b""], **request), models.get(request["model"]), [(1024, 1024)])
    assert expected.answers == 1 and expected.parts["output"] == pytest.approx(4 * 30e-6)


def test_only_the_previews_that_came_are_left_out_of_what_is_learned(tmp_path, endpoint, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    monkeypatch.setattr("tests.gimp.endpoint.USAGE", {"output_tokens": 1300})
    settings.save_provider("mine", {"title": "Mine", "like": "custom", "base_url": endpoint.url})
    endpoint.behave("echo")  # with a single preview
    request = {"prompt": "fill", "size": "1024x1024", "model": "gpt-image-2.6-flare"}
    streamed = request | {"stream": True, "partial_images": 3}
    assert EditJob(make_job(provider="mine", request=streamed), lambda event: None).run()["event"] == "done"
    expected = spending.estimate("mine", EditRequest([b""], **request), models.get(request["model"]), [(1024, 1024)])
    assert (expected.answers, expected.parts["output"]) == (1, pytest.approx(1200 * 30e-6))


@pytest.mark.parametrize("allowed", [False, True])
def test_prompts_are_logged_only_if_allowed_and_keys_never(job, endpoint, allowed):
    settings.change(log_prompts=allowed)
    for behaviour in ("echo", "refuse", "die", "garbage"):
        endpoint.behave(behaviour)
        request = {"prompt": "a canary prompt", "n": 1, "size": "96x64", "model": "m"}
        job = make_job(provider="custom", request=request)
        run(job, to_test(endpoint) | {"OPENAI_API_KEY": "sk-canary-key"})
        log = job.path("worker.log").read_text()
        assert ("custom, model m, prompt 'a canary prompt'" in log) is allowed
        assert ("canary prompt" in log) is allowed and "sk-canary" not in log


def test_a_custom_provider_is_used_and_a_removed_one_is_reported(job, endpoint):
    endpoint.behave("echo")
    settings.save_provider("mine", {"title": "Mine", "like": "custom", "base_url": endpoint.url})
    assert run(make_job(provider="mine"))[-1]["report"]["provider"] == "mine"
    settings.remove_provider("mine")
    last = run(make_job(provider="mine"))[-1]
    assert last["event"] == "error" and "no provider “mine”" in last["message"] and "Settings" in last["hint"]


def test_a_sentence_is_added_to_the_prompt_and_reported(tmp_path, endpoint, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    endpoint.behave("echo")
    settings.save_provider("mine", {"title": "Mine", "like": "sglang", "base_url": endpoint.url})
    final = EditJob(make_job(provider="mine", prompt_addition="Only the left part."), lambda event: None).run()
    assert endpoint.received[0].fields["prompt"] == "fill\n\nOnly the left part."
    assert "Added to the prompt: “Only the left part.”" in final["report"]["notes"]


@pytest.mark.parametrize(
    ("changes", "like", "prompt", "offered"),
    [
        ({}, "custom", "remove the lamp post", ["low-moderation", "built-in"]),
        ({}, "custom", "a boat", ["low-moderation"]),
        ({"moderation": "low"}, "custom", "remove", ["built-in"]),
        ({"model": "a-model-of-my-own"}, "custom", "remove", ["built-in"]),
        ({}, "xai", "a boat", []),
        ({}, "azure", "a boat", []),
        ({"markup": b"overlay"}, "custom", "remove", ["low-moderation"]),
    ],
)
def test_remedies_after_moderation_are_what_the_model_has_and_the_engine_understands(changes, like, prompt, offered):
    fields = {"model": "gpt-image-2"} | changes
    assert remedies(EditRequest([b""], prompt, **fields), providers.get(like), prompt) == offered


def test_a_refusal_by_moderation_offers_remedies_for_the_users_own_prompt(tmp_path, endpoint, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    endpoint.behave("moderate")
    entry = {"title": "Mine", "like": "custom", "base_url": endpoint.url, "model": "gpt-image-2"}
    request = {"prompt": "fill", "n": 1, "size": "1024x1024"}
    settings.save_provider("mine", entry)
    job = make_job(provider="mine", request=request, prompt_addition="Only the left part.")
    final = EditJob(job, lambda event: None).run()
    assert final["remedies"] == ["low-moderation", "built-in"] and not final["maybe_billed"]
    assert "With moderation set to low, fewer edits are refused." in final["hint"]
    endpoint.behave("refuse")
    final = EditJob(make_job(provider="mine", request=request), lambda event: None).run()
    assert final["remedies"] == [] and "moderation" not in final["hint"]


@pytest.mark.parametrize(
    ("today", "warning"),
    [(date(2026, 10, 31), None), (date(2026, 11, 1), "ends on 2026-12-01"), (date(2026, 12, 2), "ended on 2026-12-01")],
)
def test_a_model_that_ends_is_a_warning_where_openai_is_not_asked(tmp_path, endpoint, monkeypatch, today, warning):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    monkeypatch.setattr(models, "today", lambda: today)
    endpoint.behave("echo")
    settings.save_provider("mine", {"title": "Mine", "like": "custom", "base_url": endpoint.url})
    request = {"prompt": "fill", "n": 1, "size": "1024x1024", "model": "gpt-image-1.5"}
    final = EditJob(make_job(provider="mine", request=request), lambda event: None).run()
    assert final["event"] == "done" and len(endpoint.received) == 1
    notes = " ".join(final["report"]["notes"])
    assert warning in notes if warning else "2026-12-01" not in notes


def test_a_refusal_of_the_built_in_engine_has_no_extra_hint(tmp_path):
    request = {"prompt": "a dog that plays the piano", "n": 1, "size": "96x64"}
    final = EditJob(make_job(request=request), lambda event: None).run()
    assert final["message"].startswith("The built-in engine does not understand") and final["hint"] == ""


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, RuntimeError("broken")),
        ({"request": {"prompt": "fill", "n": 1, "size": "96x64", "output_format": "x"}}, None),
    ],
)
def test_errors_of_the_built_in_engine_do_not_mention_billing(changes, error, monkeypatch):
    def edit(*_arguments, **_options):
        raise error

    monkeypatch.setattr("lib.endpoint.engine.edit", edit)
    job = make_job(**changes)
    final = EditJob(job, lambda event: None).run()
    assert final["event"] == "error" and not final["maybe_billed"]
    assert "bill" not in final["hint"] and "usage" not in final["hint"] and final["hint"]
    assert job.read_json("response.json")["error"]["maybe_billed"] is False
