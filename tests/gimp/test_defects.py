"""The defects of published plug-ins of this kind, each with a test named after it.

Elsewhere, as they are not GIMP's:
a colour match that sets a property that does not exist: test_edit.py, test_a_drifting_answer_is_lined_up_…
Cancel that leaves the request running and billed, a late answer after it: unit/test_worker.py, test_cancel_closes_…
TLS checks switched off on failure and the key sent again: wire/test_security.py, test_self_signed_certificate_…
the key in a plain file that others can read: wire/test_keys.py, test_key_file_is_readable_by_the_user_only
"""

import ast

import numpy as np
import pytest

from tests.gimp.conftest import in_turns
from tests.gimp.harness import CHECKOUT
from tests.gimp.test_matrix import SIZE, raw, run

# The frame is then the selection and a little more, well inside the canvas.
CLOSE = {"context": "8", "fit": False}
# What a model that works in blocks may change around the selection: see mask_margin in lib/api/providers.json.
MARGIN = 4


def box_of(marked):
    """Left, top, right and bottom of what is True."""
    rows, columns = np.nonzero(marked.any(1))[0], np.nonzero(marked.any(0))[0]
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def test_the_mask_not_moved_into_the_crops_coordinates(gimp, out, endpoint):
    done = run(gimp, endpoint, out, "RGB 8", "plain", "hard", **CLOSE)
    x, y, width, height = done["report"]["frame"]
    assert (x, y) != (0, 0) and (width, height) != SIZE
    mask = np.array(endpoint.received[-1].mask)
    assert mask.shape == (height, width, 4)
    selected = np.frombuffer((out / "selection.raw").read_bytes(), np.float32).reshape(SIZE[1], SIZE[0]) > 0
    left, top, right, bottom = box_of(selected[y : y + height, x : x + width])
    assert box_of(mask[..., 3] == 0) == [left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN]


def test_no_selection_never_noticed(gimp, out, endpoint):
    done = run(gimp, endpoint, out, "RGB 8", "plain", "empty")
    assert endpoint.received[-1].mask is None and done["masks"] == [None]
    assert done["report"]["frame"] == [0, 0, *SIZE]


@pytest.mark.parametrize("size", in_turns(["64x64", "96x48"]))
def test_results_stretched_because_the_aspect_was_ignored(gimp, out, endpoint, size):
    done = run(gimp, endpoint, out, "RGB 8", "smooth", "hard", context="2", fit=False, size=size)
    _x, _y, width, height = done["report"]["frame"]
    requested = [int(side) for side in size.split("x")]
    assert list(endpoint.received[-1].images[0].size) == requested
    assert width / height == pytest.approx(requested[0] / requested[1], rel=0.005)


def test_the_alpha_channel_flattened_away(gimp, out, endpoint):
    run(gimp, endpoint, out, "RGB 8", "alpha", "empty")
    sent, original = np.array(endpoint.received[-1].images[0]), raw(out, "original.raw").reshape(SIZE[1], SIZE[0], 4)
    assert set(np.unique(sent[..., 3])) == {0, 100, 255}
    assert np.array_equal(sent[..., 3], original[..., 3])


@pytest.mark.parametrize(
    ("behaviour", "merged"),
    in_turns([("echo", False), ("echo", True), ("refuse", False), ("refuse", True)]),
)
def test_temporary_images_left_open(gimp, out, endpoint, behaviour, merged):
    """The two ways that work in a duplicate, once with an answer and once without."""
    endpoint.behave(behaviour)
    done = gimp.call(
        "matrix.run", kind="RGB 8", layer="filters", selection="hard", out=str(out), sample_merged=merged, **CLOSE
    )
    assert done["status"] == ("success" if behaviour == "echo" else "execution-error")
    assert done["after"]["images"] == done["before"]["images"] == 1


def test_the_users_layer_mask_thrown_away(gimp, out, endpoint):
    done = run(gimp, endpoint, out, "RGB 8", "mask", "hard", **CLOSE)
    before, after = done["before"]["layers"], done["after"]["layers"]
    assert before[0]["masked"] and after[1:] == before


def test_image_metadata_overwritten(gimp, endpoint):
    endpoint.behave("echo")
    metadata = gimp.call("defects.edit_with_metadata")
    before, after = (metadata[when].pop("metadata").splitlines() for when in ("before", "after"))
    assert metadata["before"] == metadata["after"]
    # The mark of provenance, and the namespace that GIMP declares for it.
    mark = ("DigitalSourceType", 'prefix="iptcExt"')
    assert [line for line in after if line not in before and not any(part in line for part in mark)] == []
    assert [line for line in before if line not in after] == []
    assert "Ann Other" in "".join(before) and "a comment" in metadata["before"]["parasites"].values()


def test_results_of_canvas_size_for_a_small_selection(gimp, out, endpoint):
    done = run(gimp, endpoint, out, "RGB 8", "plain", "hard", **CLOSE)
    layer = done["layers"][0]["box"]
    assert layer == done["report"]["frame"]
    assert layer[2] * layer[3] < 0.5 * SIZE[0] * SIZE[1]


def test_libgimp_called_from_a_thread():
    """Everything runs on the main loop; the modules that know of threads do not have libgimp at all."""
    without_libgimp = ("folder/leases.py", "folder/state.py", "folder/stop.py")
    for path in (CHECKOUT / "plugin").rglob("*.py"):
        tree = ast.parse(path.read_text())
        nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        names = {alias.name for node in nodes for alias in node.names}
        names |= {getattr(node, "module", None) for node in nodes}
        if names & {"threading", "_thread", "concurrent.futures", "multiprocessing", "asyncio"}:
            assert path.relative_to(CHECKOUT / "plugin").as_posix() in without_libgimp, path
            assert not names & {"Gimp", "GimpUi", "Gegl", "Gtk"}


def test_the_key_in_a_procedure_argument(gimp):
    names = gimp.call("edits.arguments_of", name="generative-edit")["arguments"]
    assert not [name for name in names if "key" in name or "token" in name or "secret" in name]


@pytest.mark.one_gimp("3.2")
def test_debug_prints_and_prompts_and_keys_in_a_log(gimp, out, endpoint):
    run(gimp, endpoint, out, "RGB 8", "plain", "hard", **CLOSE)
    done = gimp.call("defects.edit_with_prompt", prompt="a very secret heron")
    assert done == "success" and endpoint.received[-1].fields["prompt"] == "a very secret heron"
    logs = [gimp.work / "gimp.log", *gimp.data.rglob("*.log")]
    assert len(logs) > 1
    for log in logs:
        assert b"heron" not in log.read_bytes() and b"sk-test-key" not in log.read_bytes(), log
    assert all(log.stat().st_size == 0 for log in logs[1:])


def test_background_auto_on_an_edit_comes_back_partly_transparent(gimp, out, endpoint):
    """An endpoint that leaves parts transparent all the same does not make holes either."""
    run(gimp, endpoint, out, "RGB 8", "alpha", "empty", background="")
    assert endpoint.received[-1].fields["background"] == "opaque"
    assert endpoint.received[-1].images[0].mode == "RGBA"
    before, after = raw(out, "before.raw"), raw(out, "after.raw")
    assert (after[:, 3] >= before[:, 3]).all(), "where the answer has nothing, the picture below is seen"
