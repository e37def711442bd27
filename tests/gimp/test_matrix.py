"""Every edit keeps its promises, for each kind of image, of layer and of selection."""

import itertools

import numpy as np
import pytest
from PIL import Image

from tests.gimp.conftest import VERSIONS, in_turns

SIZE = 120, 90
KINDS = (
    "RGB 8", "RGB 8 linear", "RGB 16", "RGB 16 linear", "RGB 32", "RGB half", "RGB float", "RGB float perceptual",
    "RGB 8 Adobe", "RGB float Adobe", "grey 8", "grey 16 linear", "grey float", "grey 8 L*",
)  # fmt: skip
PERCEPTUAL_FLOATS = ("RGB float perceptual", "grey float")
# The bytes of another profile have no exact counterpart in sRGB's.
CONVERTED = ("RGB 8 Adobe", "RGB float Adobe", "grey 8 L*")
LAYERS = (
    "plain", "alpha", "mask", "opacity and mode", "filters", "small", "partly outside", "group", "in a group", "text",
    "locked and hidden",
)  # fmt: skip
SELECTIONS = ("hard", "soft", "empty", "inverted", "beyond with holes")
UNCHANGED = ("selection", "guides", "active", "colours", "channels", "images")


def combinations():
    """Yield every kind of image with every selection; the kinds of layer and the GIMPs alternate.

    A brief run has every kind of image with one or two selections, and every kind of layer.
    """
    turns, minors = itertools.cycle(LAYERS), itertools.cycle(VERSIONS)
    for number, (kind, selection) in enumerate(itertools.product(KINDS, SELECTIONS)):
        marks = [pytest.mark.one_gimp(next(minors))]
        if number % 3:
            marks.append(pytest.mark.whole_run)
        yield pytest.param(kind, next(turns), selection, marks=marks)


def raw(out, name, channels=4, pixels=-1):
    """Return the bytes of each pixel in a file."""
    return np.frombuffer((out / name).read_bytes(), np.uint8).reshape(pixels, channels)


def run(gimp, endpoint, out, kind, layer, selection, **arguments):
    endpoint.behave("echo")
    arguments = {"background": "transparent", "fit": False, **arguments}
    return gimp.call("matrix.run", kind=kind, layer=layer, selection=selection, out=str(out), **arguments)


def assert_only_layer_added(done, out, kind):
    """Check that one layer was added, and that the picture outside the selection is the same, bit by bit.

    In perceptual floats any layer, even an empty one, makes GIMP convert the layers below and back, which loses a bit.
    """
    assert done["status"] == "success", done["error"]
    for name in UNCHANGED:
        assert done["after"][name] == done["before"][name], name
    assert done["new"] == 1
    selected = np.frombuffer((out / "selection.raw").read_bytes(), np.float32) > 0
    if selected.any():
        before, after = (raw(out, f"{name}.raw", -1, len(selected))[~selected] for name in ("before", "after"))
        if kind in PERCEPTUAL_FLOATS:
            assert np.abs(before.view(np.float32) - after.view(np.float32)).max(initial=0) < 1e-6
        else:
            assert np.array_equal(before, after)
        assert done["masks"] == [True]
    else:
        assert done["masks"] == [None]


def assert_same_picture(out, levels, filtered=False):
    """Check that the new layer looks like the edited one; the colours of transparent pixels do not count."""
    original, layer = raw(out, "original.raw").astype(int), raw(out, "layer.raw").astype(int)
    visible = original[:, 3] > 0
    assert np.abs(original[:, 3] - layer[:, 3]).max() <= levels
    difference = np.abs(original[visible] - layer[visible])
    # GEGL computes filters in floats, in tiles: a few values of one half may be rounded differently.
    tolerance = 1 if filtered and np.count_nonzero(difference > levels) <= difference.size // 1000 else 0
    assert difference.max(initial=0) <= levels + tolerance


@pytest.mark.parametrize(("kind", "layer", "selection"), list(combinations()))
def test_an_echo_is_identical_and_nothing_else_changes(gimp, out, endpoint, kind, layer, selection):
    done = run(gimp, endpoint, out, kind, layer, selection)
    assert_only_layer_added(done, out, kind)
    assert_same_picture(out, levels=kind in CONVERTED, filtered=layer == "filters")


@pytest.mark.parametrize("selection", in_turns(["hard", "soft"]))
@pytest.mark.parametrize("layer", ["opacity and mode", "filters", "group", "in a group"])
def test_an_echo_of_all_visible_layers_is_identical(gimp, out, endpoint, layer, selection):
    kind = KINDS[(len(layer) + len(selection)) % len(KINDS)]
    done = run(gimp, endpoint, out, kind, layer, selection, sample_merged=True)
    assert_only_layer_added(done, out, kind)
    assert_same_picture(out, levels=kind in CONVERTED, filtered=layer == "filters")
    assert done["after"]["layers"][0]["name"] == "x"


@pytest.mark.parametrize(
    ("layer", "selection", "words"),
    [("wholly outside", "hard", "outside the canvas"), ("plain", "floating", "floating selection")],
)
def test_what_cannot_be_edited_is_reported_and_not_sent(gimp, out, endpoint, layer, selection, words):
    done = run(gimp, endpoint, out, "RGB 8", layer, selection)
    assert done["status"] == "execution-error" and words in done["error"]
    assert done["after"] == done["before"] and not endpoint.received


@pytest.mark.parametrize(
    ("kind", "size"),
    in_turns([("RGB 8", "60x45"), ("RGB 8", "91x68"), ("RGB float", "173x130"), ("grey 16 linear", "240x180")]),
)
def test_an_echo_in_a_different_size_is_not_shifted(gimp, out, endpoint, kind, size):
    done = run(gimp, endpoint, out, kind, "smooth", "empty", size=size)
    assert_only_layer_added(done, out, kind)
    assert done["report"]["size"] == size
    original, layer = (raw(out, f"{name}.raw").reshape(SIZE[1], SIZE[0], 4) for name in ("original", "layer"))
    original, error = original[4:-4, 4:-4].astype(float), layer[4:-4, 4:-4] - original[4:-4, 4:-4].astype(float)
    assert np.abs(error).max() <= 1 and abs(error.mean()) < 0.3
    for axis in (0, 1):
        slope = np.gradient(original, axis=axis)
        assert abs((slope * error).sum() / (slope * slope).sum()) < 0.02, "shifted, in pixels"


@pytest.mark.only_gimp("3.2")
@pytest.mark.parametrize("layer", ["vector", "link"])
@pytest.mark.parametrize("selection", ["hard", "empty"])
def test_a_vector_or_link_layer_is_edited_like_any_other(gimp, out, endpoint, layer, selection):
    done = run(gimp, endpoint, out, "RGB 8", layer, selection)
    assert_only_layer_added(done, out, "RGB 8")
    assert_same_picture(out, 1)


@pytest.mark.only_gimp("3.2")
@pytest.mark.parametrize("layer", ["vector", "link"])
def test_a_vector_or_link_layer_is_a_reference(gimp, out, endpoint, layer):
    endpoint.behave("echo")
    done = gimp.call("matrix.live_reference", kind=layer, out=str(out))
    assert done["status"] == "success", done["error"]
    assert done["kind"] == {"vector": "VectorLayer", "link": "LinkLayer"}[layer]
    sent = endpoint.received[-1].images[1]
    expected = Image.frombytes("RGBA", tuple(done["size"]), (out / "reference.raw").read_bytes())
    assert sent.size == expected.size
    expected, sent = (np.asarray(picture.convert("RGBA"), int) for picture in (expected, sent))
    visible = expected[..., 3] > 0
    assert visible.any() and np.abs(expected[visible] - sent[visible]).max() <= 1


@pytest.mark.parametrize("alpha", in_turns([False, True]))
def test_a_large_reference_is_sent_whole_and_scaled_down(gimp, out, endpoint, alpha):
    endpoint.behave("echo")
    assert gimp.call("matrix.reference", out=str(out), alpha=alpha) == "success"
    whole = Image.frombytes("RGBA", (3000, 40), (out / "reference.raw").read_bytes())
    expected = whole.convert("RGBa").resize((2048, 27), Image.Resampling.BOX).convert("RGBA")
    sent = endpoint.received[-1].images[1]
    assert (sent.mode, sent.size) == ("RGBA" if alpha else "RGB", (2048, 27))
    expected, sent = (np.asarray(picture.convert("RGBA"), float) for picture in (expected, sent))
    assert np.abs(expected[..., 3] - sent[..., 3]).mean() < 0.5
    # Almost transparent pixels have no reliable colour; in all others the hidden red must not show.
    visible = expected[..., 3] > 20
    error = np.abs(expected[visible] - sent[visible])[:, :3]
    assert error.mean() < 1.5 and error.max() < 25
