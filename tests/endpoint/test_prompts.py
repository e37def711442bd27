"""How prompts are parsed, and which are refused: every word must be understood."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageColor

from lib.endpoint.engine.adjustments import ADJUSTMENTS
from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.language import Language, Pattern, compile_pattern, languages, tokenise
from lib.endpoint.engine.prompt import parse_prompt
from tests.endpoint import prompt_sets


def summarise(prompt: str) -> list[str]:
    """Return the steps in short: kind or name, amount if not 1, colour, and @ if a part is named."""
    result = []
    for step in parse_prompt(prompt):
        amount = "" if step.amount == 1 else f" x{step.amount:g}"
        colour = f" {step.colour}" if step.colour else ""
        part = f" {step.part}" if step.part else ""
        result.append(f"{step.name or step.kind}{amount}{colour}{part}{' @' if step.target else ''}")
    return result


PARSED = {
    # Fill: the object's name does not matter, as the mask marks it.
    "fill": ["fill"],
    "Remove.": ["fill"],
    "please erase this": ["fill"],
    "remove the lettering": ["fill @"],
    "Remove the dog, please!": ["fill @"],
    "Could you please remove the dog and the cat?": ["fill @"],
    "remove wires, poles and cars": ["fill @"],
    "delete the man's hat": ["fill @"],
    'erase "SALE"': ["fill @"],
    "get rid of the person in the background": ["fill @"],
    "remove the people in red": ["fill @"],
    "remove the red car": ["fill @"],
    "remove the colour chart": ["fill @"],
    "I'd like you to remove the man from the picture": ["fill @"],
    "clean up": ["fill"],
    "heal the scratch": ["fill @"],
    "content-aware fill": ["fill"],
    "Fill in the hole from the surroundings": ["fill"],
    "fill the selected area seamlessly": ["fill"],
    # Extend.
    "extend": ["extend"],
    "Extend the image to the left": ["extend"],
    "outpaint in all directions": ["extend"],
    "expand the canvas": ["extend"],
    # Adjust.
    "make it warmer": ["warmer"],
    "warmer": ["warmer"],
    "much warmer, slightly darker": ["warmer x1.75", "darker x0.5"],
    "make it a bit brighter with more contrast": ["brighter x0.5", "more_contrast"],
    "increase the contrast of the image a lot": ["more_contrast x1.75"],
    "less saturated and sharper": ["less_saturated", "sharpen"],
    "black & white": ["black_and_white"],
    "Turn this photo into black-and-white": ["black_and_white"],
    "remove the colour": ["black_and_white"],
    "Remove all colors": ["black_and_white"],
    "desaturate slightly": ["black_and_white x0.5"],
    "in sepia": ["sepia"],
    "convert the photo to sepia": ["sepia"],
    "apply a sepia filter": ["sepia"],
    "blur out the face": ["blur @"],
    "increase the exposure slightly": ["brighter x0.5"],
    "make her hair red": ["recolour red @"],
    "make the background white": ["backdrop white"],
    "remove the noise": ["denoise"],
    "invert the colours": ["invert"],
    "posterize": ["posterize"],
    "pixelate the licence plate": ["pixelate @"],
    "blur the background": ["blur background"],
    "brighten the sky": ["brighter @"],
    "make the sky warmer": ["warmer @"],
    "make it dark": ["darker"],
    "make it red": ["recolour red"],
    "Make it light blue": ["recolour lightblue"],
    "make it RebeccaPurple": ["recolour rebeccapurple"],
    "make it snow-coloured": ["recolour snow"],
    "make it #FF8000": ["recolour #ff8000"],
    "make the car red": ["recolour red @"],
    "make the sky blue": ["recolour blue @"],
    "make this sky light blue": ["recolour lightblue @"],
    "make it sky blue": ["recolour skyblue"],
    "make the whole image sky blue": ["recolour skyblue"],
    "make the colours warmer": ["warmer"],
    "make the red car blue": ["recolour blue @"],
    "change the colour to green": ["recolour green"],
    "paint the walls light green": ["recolour lightgreen @"],
    "transparent background": ["transparent"],
    "remove the background": ["transparent"],
    "make the background transparent": ["transparent"],
    # Several steps.
    "remove the dog and make it warmer": ["fill @", "warmer"],
    "clean up and brighten": ["fill", "brighter"],
    # Arrange.
    "Create a lovely gift basket with these four items in it": ["arrange"],
    "collage": ["arrange"],
    "put these together on a white background": ["arrange white"],
    "Combine these pictures on a pale green background.": ["arrange palegreen"],
    # Other languages.
    "Entferne den Hund": ["fill @"],
    "Bitte den Hund entfernen": ["fill @"],
    "Mach das Bild etwas wärmer": ["warmer x0.5"],
    "Mach das Auto rot": ["recolour red @"],
    "schwarzweiß": ["black_and_white"],
    "Hintergrund entfernen": ["transparent"],
    "Enlève l'homme de la photo, s'il te plaît": ["fill @"],
    "rends-le plus chaud": ["warmer"],
    "un peu plus clair et plus de contraste": ["brighter x0.5", "more_contrast"],
    "Quita el texto, por favor": ["fill @"],
    "Hazlo más cálido": ["warmer"],
    "hazlo mas calido": ["warmer"],
    "pinta el coche rojo": ["recolour red @"],
    "把狗去掉": ["fill @"],
    "去掉文字。": ["fill @"],
    "变成黑白": ["black_and_white"],
    "亮一点": ["brighter x0.5"],
    # What is said around the wish.
    "hi, can u remove the dog pls, thx": ["fill @"],
    "remove the dog without changing anything else": ["fill @"],
    "remove the dog but keep the cat": ["fill @"],
    "it's too dark": ["brighter"],
    "the photo is too dark, fix it": ["brighter"],
    "it's blurry, sharpen it": ["sharpen"],
    "fill without changing the colours": ["fill"],
    # Verbs in two parts, several qualities, pronouns, misspellings.
    "take the tourists out of my photo": ["fill @"],
    "turn the contrast up and the saturation down": ["more_contrast", "less_saturated"],
    "slightly increase the contrast and the brightness": ["more_contrast x0.5", "brighter x0.5"],
    "mach das Auto weg": ["fill @"],
    "zieh den Kontrast hoch": ["more_contrast"],
    "quítale el logo": ["fill @"],
    "把对比度加强一点": ["more_contrast x0.5"],
    "remove the backround": ["transparent"],
    "increase the contarst": ["more_contrast"],
    # The background.
    "white background": ["backdrop white"],
    "cut out the dog and put it on a blue background": ["transparent @", "backdrop blue @"],
    "everything in black and white except the flower": ["black_and_white background @"],
    # Flaws.
    "fix the scratch": ["fill @"],
    "remove the scratches": ["scratches"],
    "remove the red eyes": ["red_eyes"],
    "remove the haze and the noise": ["dehaze", "denoise"],
    "straighten the horizon": ["straighten"],
}

REFUSED = [
    # The prompt asks for something new.
    "a cat", "grass", "replace the dog with a cat", "remove the dog and add a cat",
    "remove the dog and put a cat there",
    "remove the dog and draw a hat", "remove the dog with the hat", "erase this and write SALE", "fill with grass",
    "fill the glass", "fill red",
    "fill it with black and white", "inpaint a cat", "extend the sky with clouds",
    "expand the dog", "make it a cat", "turn it into a cat", "make it a red car", "a red car", "paint a red car",
    "black and white dog", "a darker sky", "warm light", "make it night", "make it snow", "make it rain", "make it pop",
    "make the dog happy", "make the person wear red", "make the man hold a red ball", "change the background",
    "remove the hat and fix the hair",
    "remove the wall revealing the sea",
    "remove the tree sharpen",
    "remove the clouds and make the sky blue",
    "remove the text, make the text say hello",
    "make the dog bigger",
    "make the grass greener",
    "turn the day into night",
    "extend the image by 200 pixels",
    "remove background noise",
    "20% brighter", "remove the dog so that the grass shows", "swap the faces",
    # Negations and exceptions.
    "don't remove the dog", "do not fill", "remove nothing but the dog", "remove everything except the dog",
    "remove all but one", "make it warmer but not brighter", "keep the dog",
    "never mind", "remove only the dog",
    # A fill would be the wrong edit.
    "remove the red", "remove the blur",
    "remove the vignette",
    "remove saturation", "clean up the background",
    # Ambiguous or contradictory.
    "make it warmer and cooler", "brighter and darker", "invert the selection", "make it red and blue", "red", "dark",
    "light", "make the dog red and the cat blue", "blur a dog", "make a dog red", "much warmer slightly darker",
    # A part of the picture cannot be kept by an edit of all of it.
    "make it warmer but keep the sky", "brighten it without changing the face", "fix her hair", "restore the face",
    "put a hat on it, keep everything else the same", "it's too bright, make it brighter",
    "make the man smile", "make the car a red convertible", "replace the background with a beach",
    "make the dog 2x bigger", "paint a red car", "add a red car", "add colour to this old photo of a train",
    # More than an arrangement on a plain board.
    "create", "create a photo of a cat riding a horse", "combine these faces into one person",
    "make a painting in the style of these images", "put the dog on the beach", "put these people in a car",
    # Nonsense, and other languages.
    "zzz", "😀", "fill 😀", "!!!", "the", "please", "and", "make it", "much", "remove the dog and", "fill " * 100,
    "Ersetze den Hund durch eine Katze", "Entferne den Hund nicht", "Entferne alles außer dem Hund", "Male eine Katze",
    "Remplace le chien par un chat", "Ne supprime pas le chien", "cambia el perro por un gato", "no quites el perro",
    "把狗换成猫", "不要删除狗", "画一只猫",
]  # fmt: skip


@pytest.mark.parametrize("prompt", PARSED)
def test_parsed_prompts(prompt: str) -> None:
    assert summarise(prompt) == PARSED[prompt]


@pytest.mark.parametrize("name", prompt_sets.SETS)
def test_sets_of_prompts_are_understood_and_none_is_done_wrongly(name: str) -> None:
    score = prompt_sets.score(name)
    assert score.wrong == []
    assert score.understood >= 0.92, score.refused


REFUSALS = {
    "remove the man and add a tree": ("“add a tree” would have to be painted", "remove the man"),
    "make the picture brighter and put some snow on the roof": (
        "“put some snow on the roof”",
        "make the picture brighter",
    ),
    "replace the mug with a glass of wine, please": ("“replace the mug with a glass of wine”", "remove the mug"),
    "Ersetz bitte den Hund durch eine Katze": ("“Ersetz bitte den Hund durch eine Katze”", "den Hund entfernen"),
    "enlève la poubelle et ajoute un banc": ("“ajoute un banc”", "enlève la poubelle"),
    "把狗换成猫": ("“把狗换成猫”", "去掉狗"),
    "make her smile": ("“make her smile” would have to be painted", None),
    "zzz": ("does not understand “zzz”", None),
}


@pytest.mark.parametrize("prompt", REFUSALS)
def test_a_refusal_quotes_the_words_and_suggests_what_can_be_done(prompt: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_prompt(prompt)
    words, suggestion = REFUSALS[prompt]
    assert words in caught.value.message
    assert caught.value.suggestion == suggestion
    assert suggestion is None or (suggestion in caught.value.message and parse_prompt(suggestion))


@pytest.mark.parametrize("prompt", REFUSED)
def test_refused_prompts(prompt: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_prompt(prompt)
    assert caught.value.code == "prompt_not_understood"
    assert caught.value.message.endswith(".")


ENGLISH = list(PARSED)[: list(PARSED).index("Entferne den Hund")]
ADJUSTING = [prompt for prompt in ENGLISH if all(step.split()[0] in ADJUSTMENTS for step in PARSED[prompt])]


@given(st.sampled_from(ADJUSTING), st.sampled_from(["zebra", "not", "with a hat", "instead", "42"]), st.randoms())
def test_an_unknown_word_is_refused_unless_it_names_an_object(prompt: str, unknown: str, random: object) -> None:
    words = prompt.split()
    at = random.randint(0, len(words))  # type: ignore[attr-defined]
    changed = " ".join([*words[:at], unknown, *words[at:]])
    try:
        steps = parse_prompt(changed)
    except Refused:
        return
    # Such a word can only be a part of an object's name.
    assert unknown in ("zebra", "42") and any(unknown in (step.target or "") for step in steps)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        steps = parse_prompt(text)
    except Refused:
        return
    assert steps and all(step.kind != "adjust" or step.name in ADJUSTMENTS for step in steps)


@given(st.lists(st.sampled_from(sorted(set(tokenise(" ".join(PARSED))))), max_size=80))
def test_any_mixture_of_known_words_is_parsed_in_finite_time(words: list[str]) -> None:
    try:
        assert parse_prompt(" ".join(words))
    except Refused as refused:
        assert refused.code == "prompt_not_understood"


@pytest.mark.parametrize("name", sorted(ImageColor.colormap))
def test_every_css_colour_is_known(name: str) -> None:
    assert summarise(f"make it {name}-coloured") == [f"recolour {name}"]


def phrases(language: Language, kind: str) -> list[tuple[str, Any]]:
    """Return every phrase of a kind, and its value."""
    return [(text, pattern.value) for pattern in language.kinds[kind].patterns for text in spelled(pattern)]


def spelled(pattern: Pattern) -> list[str]:
    return sorted({" ".join(word for words in each for word in words) for each in itertools.product(*pattern.places)})


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.name)
def test_each_language_is_complete(language: Language) -> None:
    """Every adjustment but recolour, which colours stand for, has phrases, and every phrase has an adjustment."""
    tables = ("adjust", "more_of", "less_of", "defect", "setting")
    named = {pattern.value for kind in tables for pattern in language.kinds[kind].patterns}
    assert named == set(ADJUSTMENTS) - {"recolour", "transparent"}
    assert set(languages()[0].kinds) - {"colour_suffix"} <= set(language.kinds)
    for value in (pattern.value for pattern in language.kinds["amount"].patterns):
        assert 0 < value <= 3
    for value in (pattern.value for pattern in language.kinds["colour"].patterns):
        assert ImageColor.getrgb(value)


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.name)
def test_each_phrase_of_an_adjustment_is_a_prompt(language: Language) -> None:
    for pattern in language.kinds["adjust"].patterns:
        for text in spelled(pattern)[:12]:
            assert [step.split()[0] for step in summarise(text)] == [pattern.value], text


def test_patterns() -> None:
    assert spelled(compile_pattern("remove [the|] [colour|all colours]")) == [
        "remove all colours",
        "remove colour",
        "remove the all colours",
        "remove the colour",
    ]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Black-and-White!", ("black", "and", "white", ",")),
        ("l’été, déjà", ("l", "ete", ",", "deja")),
        ("去掉 狗。", ("去", "掉", "狗", ",")),
        ("#FF8000; ok", ("#ff8000", ",", "ok")),
        ("Ａ＋Ｂ", ("a", "&", "b")),
        ("", ()),
    ],
)
def test_tokens(text: str, tokens: tuple[str, ...]) -> None:
    assert tokenise(text) == tokens
