"""The tables of lib/endpoint/README.md: what other servers honour, how many machines are needed, what that costs.

    python3 tests/run.py --python tests/tools/scale.py

Prices are those of lib/api/models.json; what is measured and what is assumed are the constants below.
"""

import io
import math
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lib.api import models, providers
from lib.api.cost import estimate
from lib.api.request import EditRequest

# Assumed: change these for another place.
EDITS_A_DAY = 40  # by one person
HOURS_A_DAY = 8
PEAK = 4  # times the mean rate of a day
BUSY_AT_MOST = 0.5  # of a server's time at the peak, so that nobody waits long
GPU_SECONDS = 10.0  # an edit of 1024×1024 by a model of 20 thousand million parameters on one 80 GB GPU
GPU_HOUR = 2.5  # dollars
CORE_HOUR = 0.025  # dollars
RUN_HOURS = 24  # within which a folder shall be done
# Measured, on 2 cores: tests/bench/edits.py, and tests/endpoint for the engine.
FOLDER_RATE = 3.5  # pictures of 1024×768 a second that one GIMP opens, sends, inserts and writes
ENGINE_SECONDS = 2.5  # a core's time for the filling of a large hole

MODEL, QUALITY, SIZE = "gpt-image-2.5-flare", "medium", (1024, 1024)

START = {
    "vllm-omni": (
        "vllm serve Qwen/Qwen-Image-Edit-2511 --omni --port 8091",
        "the same with `--omni-master-address HOST --omni-master-port PORT --omni-lb-policy round-robin`, and on "
        "each further machine `--headless --stage-id 0 --omni-dp-size-local 1`; or `--worker-backend ray "
        "--ray-address HOST`",
    ),
    "sglang": (
        "sglang serve --model-path Qwen/Qwen-Image-Edit-2511 --port 30000",
        "the same with `--num-gpus 16 --nnodes 2 --node-rank 0 --dist-init-addr HOST:PORT` (on the second `1`)",
    ),
    "sd-cpp": (
        "sd-server -m model.safetensors --listen-ip 127.0.0.1 --listen-port 1234",
        "it does one edit at a time: several behind LiteLLM",
    ),
    "litellm": ("litellm --config litellm.yaml", "it is what joins them"),
}


def edit_price():
    """Dollars for one edit with a mask, from the least to the most."""
    file = io.BytesIO()
    Image.new("RGB", SIZE).save(file, "PNG")
    request = EditRequest(
        [file.getvalue()], "remove the lamp post", mask=file.getvalue(), model=MODEL, quality=QUALITY, size="1024x1024"
    )
    return estimate(request, models.get(MODEL))


def servers_table():
    """A line for each server: how to start one, several, and what it ignores or refuses."""
    yield "| server | one | several | ignored | refused |"
    yield "|---|---|---|---|---|"
    for name, (one, several) in START.items():
        entry = providers.get(name)
        cells = [entry.title, f"`{one}`", several, _listed(entry.ignored), _listed(entry.rejected)]
        yield f"| {' | '.join(cells)} |"


def _listed(fields):
    return ", ".join(f"`{field}`" for field in fields) or "–"


def scale_table():
    """A line for each number of people or pictures."""
    yield f"| | OpenAI, {MODEL} | vLLM-Omni or SGLang, your GPUs | the built-in engine |"
    yield "|---|---|---|---|"
    for seats in (1, 10, 1000):
        yield _row(_count(seats, "seat"), *_for_seats(seats))
    for pictures in (100, 10_000, 1_000_000):
        yield _row(_count(pictures, "picture"), *_for_pictures(pictures))


def assumptions():
    """The sentence under the table."""
    return (
        f"Assumed: {EDITS_A_DAY} edits by each person in {HOURS_A_DAY} hours, {PEAK} times as many at the peak, "
        f"servers at most {BUSY_AT_MOST:.0%} busy then; {GPU_SECONDS:g} s an edit on a GPU at ${GPU_HOUR:.2f} an "
        f"hour (measure yours); a core at ${CORE_HOUR} an hour; folders within {RUN_HOURS} hours. OpenAI: "
        f"{SIZE[0]}×{SIZE[1]}, {QUALITY}, with a mask, {edit_price()} each, of which the higher is used; the "
        f"account's rate limit decides how long that takes. Measured: the built-in engine needs {ENGINE_SECONDS:g} s "
        f"of a core for a large hole, and one GIMP on 2 cores handles {FOLDER_RATE:g} pictures a second."
    )


def _for_seats(seats):
    edits = seats * EDITS_A_DAY
    peak = edits / HOURS_A_DAY * PEAK / 3600 * GPU_SECONDS
    gpus = math.ceil(peak / BUSY_AT_MOST)
    yield f"{_dollars(edits * edit_price().high)} a day, no machine"
    yield f"{_count(gpus, 'GPU')}, {_dollars(gpus * HOURS_A_DAY * GPU_HOUR)} a day"
    yield "each person's own computer, nothing"


def _for_pictures(pictures):
    gimps = _machines(pictures / FOLDER_RATE)
    with_gimps = "" if gimps == 1 else f", {gimps} GIMPs"
    gpu_seconds = pictures * GPU_SECONDS
    core_seconds = pictures * ENGINE_SECONDS
    gpus, cores = _machines(gpu_seconds), _machines(core_seconds)
    yield f"{_dollars(pictures * edit_price().high)}, no machine{with_gimps}"
    gpu_price, core_price = _dollars(gpu_seconds / 3600 * GPU_HOUR), _dollars(core_seconds / 3600 * CORE_HOUR)
    yield f"{_count(gpus, 'GPU')}, {_time(gpu_seconds / gpus)}, {gpu_price}{with_gimps}"
    yield f"{_count(cores, 'core')}, {_time(core_seconds / cores)}, {core_price}{with_gimps}"


def _machines(seconds):
    return math.ceil(seconds / 3600 / RUN_HOURS)


def _row(*cells):
    return f"| {' | '.join(cells)} |"


def _count(number, what):
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _time(seconds):
    return f"{seconds / 60:.0f} minutes" if seconds < 3600 else f"{seconds / 3600:.0f} hours"


def _dollars(amount):
    return f"${amount:.2f}" if amount < 10 else f"${amount:,.0f}"


if __name__ == "__main__":
    print("\n".join([*servers_table(), "", *scale_table(), "", assumptions()]))
