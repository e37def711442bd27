"""Plans of frames: guarantees as properties, and typical edits as tables."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.api.models import FreeSize, SizeList
from lib.frame.frame import FrameError, Plan, Rect, Size, context_margin, plan
from tests.campaigns import examples

GPT = SizeList(((1024, 1024), (1536, 1024), (1024, 1536)))
SQUARES = SizeList(((256, 256), (512, 512), (1024, 1024)))
FREE = FreeSize(multiple=16, max_edge=3840, max_ratio=3.0, min_pixels=655_360, max_pixels=8_294_400)
BUILT_IN = FreeSize(multiple=1, max_edge=4096, max_ratio=4096.0, min_pixels=1, max_pixels=8_294_400)
RULES = {"gpt": GPT, "squares": SQUARES, "free": FREE, "built-in": BUILT_IN}

sides = st.one_of(st.integers(1, 40), st.integers(41, 1600), st.integers(1601, 12_000))
rules = st.sampled_from(list(RULES.values()))
contexts = st.one_of(st.sampled_from(["auto", "layer", "canvas", "48"]), st.integers(0, 3000))


@st.composite
def edits(draw):
    """A canvas, a selection that meets it, and a layer that meets the selection; both may stick out."""
    canvas = Size(draw(sides), draw(sides))
    edges_x = sorted((draw(st.integers(-50, canvas.width + 50)), draw(st.integers(-50, canvas.width + 50))))
    edges_y = sorted((draw(st.integers(-50, canvas.height + 50)), draw(st.integers(-50, canvas.height + 50))))
    selection = Rect.from_edges(edges_x[0], edges_y[0], edges_x[1], edges_y[1])
    whole = Rect(0, 0, canvas.width, canvas.height)
    assume(not selection.intersect(whole).empty)
    layer = draw(
        st.sampled_from(
            [
                whole,
                selection,
                whole.grow(30),
                selection.grow(draw(st.integers(0, 400))),
                Rect(selection.x, selection.y, 1 + selection.width // 2, 9000),
            ]
        )
    )
    assume(not layer.intersect(whole).intersect(selection).empty)
    return canvas, draw(st.sampled_from([selection, selection, selection, None])), layer


@examples(400)
@given(edits(), rules, contexts, st.one_of(st.none(), st.integers(1024, 4000)))
def test_every_plan_satisfies_the_guarantees(edit, rule, context, largest):
    canvas, selection, layer = edit
    made = plan(canvas, selection, layer, context=context, rule=rule, largest=largest)
    whole = Rect(0, 0, canvas.width, canvas.height)
    expected = (layer if selection is None else selection).intersect(whole)

    assert not made.frame.empty
    assert whole.contains(made.frame)
    assert made.frame.contains(expected)
    assert made.sent.intersect(whole) == made.frame
    assert min(made.padding) >= 0

    assert rule.allows(made.size.width, made.size.height)
    assert largest is None or made.size.longest <= largest
    stretch = made.size.width * made.sent.height / (made.size.height * made.sent.width)
    assert abs(stretch - 1) <= 0.005
    assert made.resampled == (made.size != made.sent.size)

    left, top, right, bottom = made.cut()
    assert 0 <= left < right <= made.size.width + 1e-6 and 0 <= top < bottom <= made.size.height + 1e-6
    across, down = made.sent.width / made.size.width, made.sent.height / made.size.height
    x, y = made.sent.x, made.sent.y
    assert (left * across + x, right * across + x) == pytest.approx((made.frame.x, made.frame.right))
    assert (top * down + y, bottom * down + y) == pytest.approx((made.frame.y, made.frame.bottom))

    assert Plan.from_json(json.loads(json.dumps(made.to_json()))) == made


@examples(200)
@given(
    st.integers(1, 900),
    st.integers(1, 900),
    rules,
    st.sampled_from(["auto", 0, 37, "200"]),
    st.integers(-500, 500),
    st.integers(-500, 500),
)
def test_the_frame_moves_with_the_selection(width, height, rule, context, dx, dy):
    canvas = Size(9000, 9000)
    whole = Rect(0, 0, 9000, 9000)
    selection = Rect(4000, 4000, width, height)
    original = plan(canvas, selection, whole, context=context, rule=rule)
    moved = plan(canvas, selection.translate(dx, dy), whole, context=context, rule=rule)
    assert moved == Plan(original.frame.translate(dx, dy), original.sent.translate(dx, dy), original.size)


@examples(200)
@given(st.integers(1, 2200), st.integers(1, 2200), st.integers(0, 1600), st.integers(0, 1600))
def test_a_free_size_is_not_resampled_if_it_can_be_1_to_1(width, height, x, y):
    canvas, whole = Size(4000, 4000), Rect(0, 0, 4000, 4000)
    made = plan(canvas, Rect(x, y, width, height), whole, rule=FREE)
    assert not made.resampled
    assert made.padding == (0, 0, 0, 0)
    assert made.cut() == (0, 0, made.frame.width, made.frame.height)


@examples(100)
@given(edits(), st.integers(0, 500))
def test_the_built_in_model_gets_exactly_the_selection_and_its_context(edit, margin):
    canvas, selection, layer = edit
    assume(selection is not None)
    made = plan(canvas, selection, layer, context=margin, rule=BUILT_IN)
    whole = Rect(0, 0, canvas.width, canvas.height)
    home = layer.intersect(whole).union(selection.intersect(whole))
    expected = selection.intersect(whole).grow(margin).intersect(home)
    assume(expected.size.longest <= 4096 and expected.size.pixels <= 8_294_400)
    assert made.frame == made.sent == expected


@pytest.mark.parametrize(
    ("canvas", "selection", "rule", "frame", "sent", "size"),
    [
        # room enough: 1:1, grown to the rule, centred
        ((6000, 4500), (3000, 2000, 700, 500), "free", (2702, 1706, 1296, 1088), None, (1296, 1088)),
        ((6000, 4500), (3000, 2000, 700, 500), "built-in", (2708, 1708, 1284, 1084), None, (1284, 1084)),
        ((6000, 4500), (3000, 2000, 700, 500), "gpt", (2582, 1738, 1536, 1024), None, (1536, 1024)),
        # a small selection gets context instead of being scaled up, in a corner too
        ((4000, 3000), (0, 0, 1, 1), "free", (0, 0, 816, 816), None, (816, 816)),
        ((4000, 3000), (3999, 2999, 1, 1), "gpt", (2976, 1976, 1024, 1024), None, (1024, 1024)),
        ((4000, 3000), (2000, 1500, 30, 20), "squares", (1759, 1254, 512, 512), None, (512, 512)),
        # the canvas is smaller than anything that may be asked for: scaled up, not padded
        ((1, 1), None, "free", (0, 0, 1, 1), None, (816, 816)),
        ((64, 64), (10, 10, 5, 5), "gpt", (0, 0, 64, 64), None, (1024, 1024)),
        ((100, 80), None, "free", (0, 0, 100, 80), None, (960, 768)),
        ((4000, 200), (1000, 50, 400, 100), "free", (900, 0, 600, 200), None, (1440, 480)),
        # a few replicated pixels rather than resampling
        ((1920, 1080), None, "free", (0, 0, 1920, 1080), (0, -4, 1920, 1088), (1920, 1088)),
        ((1000, 650), (5, 5, 1, 1), "free", (0, 0, 1000, 650), (-4, -3, 1008, 656), (1008, 656)),
        ((1500, 1125), (300, 200, 700, 500), "gpt", (0, 0, 1500, 1024), (-18, 0, 1536, 1024), (1536, 1024)),
        # padded where the canvas cannot have the aspect
        ((100, 80), None, "squares", (0, 0, 100, 80), (0, -10, 100, 100), (256, 256)),
        ((4000, 300), None, "free", (0, 0, 4000, 300), (0, -517, 4000, 1334), (3840, 1280)),
        # too large: scaled down, the aspect kept
        ((9000, 7000), None, "free", (0, 0, 9000, 7000), None, (3248, 2528)),
        ((3840, 2160), None, "free", (0, 0, 3840, 2160), None, (3840, 2160)),
    ],
)
def test_frames_of_typical_edits(canvas, selection, rule, frame, sent, size):
    whole = Rect(0, 0, *canvas)
    made = plan(Size(*canvas), selection and Rect(*selection), whole, rule=RULES[rule])
    assert made == Plan(Rect(*frame), Rect(*(sent or frame)), Size(*size))


def test_the_frame_does_not_grow_with_the_canvas():
    selection = Rect(2000, 1500, 700, 500)
    frames = {
        plan(Size(w, h), selection, Rect(0, 0, w, h), rule=FREE).frame
        for w, h in ((4000, 3000), (6000, 4500), (12_000, 9000))
    }
    assert len(frames) == 1


def test_a_context_in_pixels_is_exact_at_a_listed_size():
    made = plan(Size(4000, 3000), Rect(1000, 1000, 100, 100), Rect(0, 0, 4000, 3000), context="50", rule=GPT)
    assert made == Plan(Rect(950, 950, 200, 200), Rect(950, 950, 200, 200), Size(1024, 1024))


def test_the_context_is_narrowed_rather_than_losing_detail_or_padding():
    whole = Rect(0, 0, 4000, 3000)
    made = plan(Size(4000, 3000), Rect(1000, 1000, 800, 800), whole, rule=SQUARES)
    assert made.frame.size == made.size == Size(1024, 1024)
    assert made.frame.contains(Rect(1000, 1000, 800, 800).grow(100))


def test_the_context_keywords_mean_the_layer_and_the_canvas():
    canvas, layer = Size(3000, 2000), Rect(200, 100, 1600, 1200)
    selection = Rect(300, 300, 10, 10)
    assert plan(canvas, selection, layer, context="layer", rule=FREE).frame == layer
    assert plan(canvas, selection, layer, context="canvas", rule=BUILT_IN).frame == Rect(0, 0, 3000, 2000)


def test_a_frame_leaves_the_layer_only_if_the_rule_requires_it():
    canvas, selection = Size(4000, 4000), Rect(2000, 2000, 50, 50)
    large, narrow = Rect(1990, 1990, 1000, 1000), Rect(1990, 1990, 100, 100)
    assert large.contains(plan(canvas, selection, large, rule=FREE).frame)
    made = plan(canvas, selection, narrow, rule=FREE)
    assert made.frame.size == made.size == Size(816, 816)
    assert plan(canvas, selection, narrow, rule=BUILT_IN).frame == narrow


def test_no_selection_means_the_visible_part_of_the_layer():
    made = plan(Size(1000, 1000), None, Rect(900, -100, 300, 300), rule=BUILT_IN)
    assert made.frame == Rect(900, 0, 100, 200)


def test_a_frame_contains_a_selection_partly_outside_the_layer():
    made = plan(Size(1000, 1000), Rect(50, 50, 200, 200), Rect(0, 0, 100, 100), context=0, rule=BUILT_IN)
    assert made.frame == Rect(50, 50, 200, 200)


def test_a_requested_size_overrides_the_largest_size():
    selection, whole = Rect(100, 100, 50, 50), Rect(0, 0, 4000, 3000)
    made = plan(Size(4000, 3000), selection, whole, rule=FREE, size=Size(1536, 1024), largest=1024)
    assert made.size == made.frame.size == Size(1536, 1024)


def test_the_largest_size_limits_the_requested_size():
    whole = Rect(0, 0, 4000, 3000)
    assert plan(Size(4000, 3000), None, whole, rule=FREE, largest=1100).size == Size(1088, 816)
    assert plan(Size(4000, 3000), None, whole, rule=GPT, largest=1024).size == Size(1024, 1024)
    assert plan(Size(4000, 3000), None, whole, rule=BUILT_IN, largest=100).size.longest <= 100


def test_a_larger_size_has_to_preserve_much_more_detail():
    assert plan(Size(4000, 3900), None, Rect(0, 0, 4000, 3900), rule=GPT).size == Size(1024, 1024)
    assert plan(Size(4000, 2700), None, Rect(0, 0, 4000, 2700), rule=GPT).size == Size(1536, 1024)


def test_the_padding_is_cropped_from_a_result_of_any_size():
    made = Plan(Rect(0, 0, 1500, 1024), Rect(-18, 0, 1536, 1024), Size(1536, 1024))
    assert made.scale == 1
    assert made.cut() == (18, 0, 1518, 1024)
    assert made.cut(Size(768, 512)) == (9, 0, 759, 512)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": Rect(200, 0, 10, 10)}, "outside the canvas"),
        ({"selection": Rect(0, 0, 0, 10)}, "outside the canvas"),
        ({"selection": Rect(60, 60, 10, 10), "layer": Rect(0, 0, 50, 50)}, "outside the layer"),
        ({"layer": Rect(100, 0, 50, 50)}, "layer is outside the canvas"),
        ({"canvas": Size(0, 100)}, "canvas is empty"),
        ({"context": "much"}, "context much: enter auto, layer, canvas, or a number"),
        ({"context": -1}, "context -1"),
        ({"size": Size(1000, 1000)}, "size 1000x1000: the model supports sizes with sides in multiples of 16"),
        ({"size": Size(0, 0)}, "size 0x0"),
        ({"size": Size(1000, 1000), "rule": GPT}, "size 1000x1000: the model supports 1024x1024"),
        ({"largest": 0}, "largest-size 0"),
        ({"largest": 500}, "largest-size 500: the model supports"),
        ({"largest": 500, "rule": GPT}, "largest-size 500: the model supports 1024x1024"),
    ],
)
def test_an_impossible_plan_is_an_error_with_a_message(options, words):
    usual = {"canvas": Size(100, 100), "selection": Rect(10, 10, 20, 20), "layer": Rect(0, 0, 100, 100), "rule": FREE}
    with pytest.raises(FrameError, match=words):
        plan(**usual | options)


@pytest.mark.parametrize(
    "damage",
    [
        {"frame": [0, 0, 0, 5]},
        {"frame": [0, 0, 20, 20]},
        {"size": [0, 16]},
        {"size": [16]},
        {"sent": None},
        {"frame": [0, 0, "8", 8]},
    ],
)
def test_a_damaged_plan_is_an_error(damage):
    good = {"frame": [0, 0, 8, 8], "sent": [0, 0, 16, 16], "size": [16, 16]}
    assert Plan.from_json(good).size == Size(16, 16)
    with pytest.raises(FrameError):
        Plan.from_json(good | damage)


def test_the_automatic_margin_depends_on_the_selection():
    assert context_margin(Size(300, 200)) == 125  # 36.06 + 4 + 21.63 + 62.5, rounded up
    assert context_margin(Size(1, 1)) == 37


def test_arithmetic_of_rectangles():
    a, b = Rect(0, 0, 10, 10), Rect(5, -5, 10, 10)
    assert a.intersect(b) == Rect(5, 0, 5, 5)
    assert a.union(b) == Rect(0, -5, 15, 15)
    assert a.intersect(Rect(10, 0, 5, 5)).empty
    assert a.union(Rect(90, 90, 0, 5)) == Rect(90, 90, 0, 5).union(a) == a
    assert a.grow(2) == Rect(-2, -2, 14, 14)
    assert a.grow(-6).empty
    assert a.translate(1, 2).contains(Rect(1, 2, 10, 10))
    assert not a.contains(b)
    assert str(a.size) == "10x10"


@given(st.data())
def test_a_scaled_area_is_inside_the_copy_and_the_whole_picture_is_the_whole_copy(data):
    edges = st.integers(1, 3000)
    of, size = Size(data.draw(edges), data.draw(edges)), Size(data.draw(edges), data.draw(edges))
    x, y = data.draw(st.integers(0, of.width - 1)), data.draw(st.integers(0, of.height - 1))
    area = Rect(x, y, data.draw(st.integers(1, of.width - x)), data.draw(st.integers(1, of.height - y)))
    scaled = area.scaled(of, size)
    assert not scaled.empty and Rect(0, 0, size.width, size.height).contains(scaled)
    assert Rect(0, 0, of.width, of.height).scaled(of, size) == Rect(0, 0, size.width, size.height)
