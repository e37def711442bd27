"""What the panel offers for each model and provider, and the reasons why it does not."""

import pytest

from lib.api import models, providers
from lib.api.request import EditRequest
from lib.api.validation import validate
from plugin.edit.choices import accepted, choices

DEFAULTS = {
    "size": "", "quality": "", "background": "", "input-fidelity": "", "output-format": "", "output-compression": -1,
    "moderation": "", "partial-images": 0, "user": "", "stream": False,
}  # fmt: skip


def offered(model, provider, output_format=""):
    return choices(models.get(model), providers.get(provider), output_format)


@pytest.mark.parametrize("model", models.names())
def test_whatever_is_offered_is_taken(model):
    """No value that the panel offers for a model is refused by the check before sending."""
    known = models.get(model)
    for name, choice in offered(model, "openai", "webp").items():
        for value in choice.values:
            field = name.replace("-", "_")
            request = EditRequest(images=[b""], prompt="x", **{field: value})
            assert [found for found in validate(request, known) if found.field == field] == [], (name, value)


@pytest.mark.parametrize("provider", providers.names())
@pytest.mark.parametrize("model", [*models.names(), "a-model-of-tomorrow"])
def test_what_cannot_be_set_says_why_in_a_sentence(model, provider):
    for name, choice in offered(model, provider).items():
        assert choice.disabled_reason is None or choice.disabled_reason.endswith("."), name
        assert not (choice.disabled_reason and choice.values), name


def test_compression_is_for_formats_with_loss():
    assert offered("gpt-image-2", "openai", "png")["output-compression"].disabled_reason
    assert offered("gpt-image-2", "openai", "jpeg")["output-compression"].disabled_reason is None


def test_a_model_that_nobody_knows_refuses_nothing():
    found = offered("a-model-of-tomorrow", "openai", "webp")
    assert all(choice.disabled_reason is None for choice in found.values())
    assert found["quality"].values == ("low", "medium", "high", "auto")


def test_a_server_that_ignores_a_field_switches_it_off():
    assert "ignores" in offered("sdxl", "sd-cpp")["quality"].disabled_reason
    assert "webp" not in offered("sdxl", "sd-cpp")["output-format"].values
    assert offered("sdxl", "sd-cpp")["partial-images"].disabled_reason


def test_values_of_another_model_are_not_sent():
    values = DEFAULTS | {"quality": "xhigh", "input-fidelity": "high", "partial-images": 2, "size": "99x99"}
    kept = accepted(values, offered("gpt-image-2", "openai"), DEFAULTS)
    assert (kept["quality"], kept["input-fidelity"]) == ("", "")
    assert kept["stream"] is True and kept["size"] == "99x99"
    assert accepted(values, offered("dall-e-2", "openai"), DEFAULTS)["stream"] is False
