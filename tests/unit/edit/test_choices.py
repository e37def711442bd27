"""The values that the panel offers for each model and provider, and its reasons for disabled options."""

import pytest

from lib.api import models, providers
from lib.api.request import EditRequest
from lib.api.validation import validate
from plugin.edit.choices import accepted, choices

DEFAULTS = {
    "size": "", "quality": "", "background": "", "input-fidelity": "", "output-format": "", "output-compression": -1,
    "complexity": "", "moderation": "", "partial-images": 0, "user": "", "stream": False,
}  # fmt: skip


def offered(model, provider, output_format=""):
    return choices(models.get(model), providers.get(provider), output_format)


@pytest.mark.parametrize("model", models.names())
def test_every_offered_value_passes_the_validation(model):
    checked_model = models.get(model)
    for name, choice in offered(model, "openai", "webp").items():
        for value in choice.values:
            field = name.replace("-", "_")
            request = EditRequest(images=[b""], prompt="x", **{field: value})
            problems = [problem for problem in validate(request, checked_model) if problem.field == field]
            assert problems == [], (name, value)


@pytest.mark.parametrize("provider", providers.names())
@pytest.mark.parametrize("model", [*models.names(), "a-model-of-tomorrow"])
def test_a_disabled_option_has_its_reason_in_a_sentence(model, provider):
    for name, choice in offered(model, provider).items():
        assert choice.disabled_reason is None or choice.disabled_reason.endswith("."), name
        assert not (choice.disabled_reason and choice.values), name


def test_compression_is_enabled_for_lossy_formats_only():
    assert offered("gpt-image-2", "openai", "png")["output-compression"].disabled_reason
    assert offered("gpt-image-2", "openai", "jpeg")["output-compression"].disabled_reason is None


def test_an_unknown_model_has_all_options():
    options = offered("a-model-of-tomorrow", "openai", "webp")
    assert all(choice.disabled_reason is None for choice in options.values())
    assert options["quality"].values == ("low", "medium", "high", "auto")


def test_a_field_that_the_server_ignores_is_disabled():
    assert "ignores" in offered("sdxl", "sd-cpp")["quality"].disabled_reason
    assert "webp" not in offered("sdxl", "sd-cpp")["output-format"].values
    assert offered("sdxl", "sd-cpp")["partial-images"].disabled_reason


def test_values_that_the_model_does_not_support_are_not_sent():
    values = DEFAULTS | {"quality": "xhigh", "input-fidelity": "high", "partial-images": 2, "size": "99x99"}
    result = accepted(values, offered("gpt-image-2", "openai"), DEFAULTS)
    assert (result["quality"], result["input-fidelity"]) == ("", "")
    assert result["stream"] is True and result["size"] == "99x99"
    assert accepted(values, offered("dall-e-2", "openai"), DEFAULTS)["stream"] is False
