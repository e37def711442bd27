"""The options that arguments stand for, and the sentences about invalid ones."""

import re
from datetime import date

import pytest

from lib.api import models
from lib.settings import settings
from plugin.edit.arguments import EXTEND_ARGUMENTS, defaults, start_with_settings, values_of, with_settings
from plugin.edit.options import Options, checked, read
from plugin.edit.record import edit_record
from plugin.errors import BadArguments
from tests.systems import DATA_HOME


def read_with(environment=None, **values):
    return read(defaults() | {name.replace("_", "-"): value for name, value in values.items()}, environment or {})


def test_the_defaults_are_the_local_provider_and_a_fill():
    options = read_with()
    assert options == Options(request={"prompt": "fill", "background": "opaque", "n": 1})


def test_the_api_fields_have_their_own_names_in_the_request():
    options = read_with(
        prompt=" a boat ", n=3, size="1024x1024", quality="high", background="transparent", moderation="low",
        input_fidelity="high", output_format="webp", output_compression=0, stream=True, partial_images=2, user="u",
        extra='{"seed": 7}',
    )  # fmt: skip
    assert options.request == {
        "prompt": "a boat", "n": 3, "size": "1024x1024", "quality": "high", "background": "transparent",
        "moderation": "low", "input_fidelity": "high", "output_format": "webp", "output_compression": 0,
        "stream": True, "partial_images": 2, "user": "u", "extra": {"seed": 7},
    }  # fmt: skip


def test_options_that_are_not_fields_of_the_api():
    options = read_with(
        context="64",
        largest_size="2048",
        references='["a.png", "file-1"]',
        max_cost=0.5,
        timeout=30.0,
        fit=False,
        grow=4,
    )
    assert (options.context, options.largest_size, options.references) == (64, 2048, ("a.png", "file-1"))
    assert (options.max_cost, options.timeout, options.fit, options.grow) == (0.5, 30.0, False, 4)


def test_the_environment_counts_where_the_argument_is_empty():
    environment = {"GENERATIVE_EDIT_PROVIDER": "openai", "GENERATIVE_EDIT_MODEL": "gpt-image-2"}
    options = read_with(environment)
    assert (options.provider, options.model) == ("openai", "gpt-image-2")
    assert read_with(environment, provider="local", model="m").provider == "local"


def test_a_model_is_a_problem_at_openai_itself_from_the_day_on_which_it_ends(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    values = defaults() | {"provider": "openai", "model": "gpt-image-1-mini"}
    monkeypatch.setattr(models, "today", lambda: date(2026, 11, 30))
    assert checked(values).model == "gpt-image-1-mini"
    monkeypatch.setattr(models, "today", lambda: date(2026, 12, 1))
    sentence = "model gpt-image-1-mini: it ended on 2026-12-01; use gpt-image-2.6-flare instead."
    with pytest.raises(BadArguments, match=f"^{re.escape(sentence)}$"):
        checked(values)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1")
    assert checked(values).model == "gpt-image-1-mini", "another address may still have it"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"n": -1}, "n -1: must be 0 to 10."),
        ({"n": 11}, "n 11: must be 0 to 10."),
        ({"output_compression": 101}, "output-compression 101: must be 0 to 100."),
        ({"partial_images": 4}, "partial-images 4: must be 0 to 3."),
        ({"context": "wide"}, "context 'wide': must be auto, layer, canvas or a number of pixels."),
        ({"provenance": "maybe"}, "provenance 'maybe': must be mark or none."),
        ({"context": "-3"}, "context '-3': must be auto, layer, canvas or a number of pixels."),
        ({"largest_size": "²"}, "largest-size '²': must be a number of pixels."),
        ({"grow": -1}, "grow -1: must be 0 to 500."),
        ({"grow": 501}, "grow 501: must be 0 to 500."),
        ({"feather": float("nan")}, "feather nan: must be 0 to 500."),
        ({"feather": 1e300}, "feather 1e+300: must be 0 to 500."),
        ({"timeout": -0.1}, "timeout -0.1: must be 0 or more."),
        ({"max_cost": float("inf")}, "max-cost inf: must be 0 or more."),
        ({"references": "a.png"}, "references: must be a JSON list of strings."),
        ({"references": '[""]'}, "references: must be a JSON list of strings."),
        ({"extra": "[]"}, "extra: must be a JSON object."),
    ],
)
def test_each_invalid_value_is_reported_in_a_sentence(values, problem):
    with pytest.raises(BadArguments) as caught:
        read_with(**values)
    assert caught.value.problems == [problem]


def test_all_invalid_values_are_reported_at_once():
    with pytest.raises(BadArguments) as caught:
        read_with(n=99, grow=-1, extra="x")
    assert len(caught.value.problems) == 3


def test_an_invalid_address_in_the_environment_is_reported_before_the_export(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:port/v1")
    with pytest.raises(BadArguments) as caught:
        checked(defaults() | {"provider": "openai"})
    problem = "OPENAI_BASE_URL http://127.0.0.1:port/v1: the port must be a number from 1 to 65535."
    assert caught.value.problems == [problem]
    assert checked(defaults()).provider == "local"


@pytest.fixture
def saved_settings(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    return settings.change(provider="mine", model="flux", context="64", feather=2, grow=3)


def test_arguments_precede_the_environment_and_the_environment_precedes_the_settings(saved_settings):
    assert (read_with().provider, read_with().model) == ("mine", "flux")
    environment = {"GENERATIVE_EDIT_PROVIDER": "openai"}
    assert (read_with(environment).provider, read_with(environment).model) == ("openai", None), (
        "its provider alone has flux"
    )
    assert read_with(provider="local").model is None
    assert read_with(provider="mine").model == "flux"
    assert read_with({"GENERATIVE_EDIT_MODEL": "m"}).model == "m" and read_with(model="n").model == "n"


class Config(dict):
    """A procedure's config that only holds values."""

    get_property = dict.get
    set_property = dict.__setitem__


def test_an_edit_marks_its_image_unless_the_argument_or_the_settings_say_no(saved_settings):
    assert read_with().provenance and not read_with(provenance="none").provenance
    settings.change(provenance=False)
    assert not read_with().provenance and read_with(provenance="mark").provenance
    marked, unmarked = (edit_record(read_with(provenance=value, provider="openai"), {}) for value in ("mark", "none"))
    assert marked["digital_source_type"] == "compositeWithTrainedAlgorithmicMedia"
    assert "digital_source_type" not in unmarked and unmarked["date"].endswith("+00:00")


def window_config(**values):
    config = Config(defaults() | values)
    start_with_settings(config)
    return config


def test_only_windows_start_with_the_settings(saved_settings):
    assert (read_with().context, read_with().feather, read_with().grow) == ("auto", 0.0, 0)
    options = read(values_of(window_config()), {})
    assert (options.context, options.feather, options.grow) == (64, 2.0, 3)
    options = read(values_of(window_config(context="layer", feather=1.0, grow=5)), {})
    assert (options.context, options.feather, options.grow) == ("layer", 1.0, 5), "as last used"
    assert "grow" not in with_settings(EXTEND_ARGUMENTS)
