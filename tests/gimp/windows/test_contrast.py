"""Texts can be read in GIMP's themes: their contrast is at least 4.5, as WCAG 2 demands."""

import pytest

LOWEST = 4.5


# The themes are the same in both GIMPs.
@pytest.mark.one_gimp("3.2")
def test_every_text_has_enough_contrast_in_the_dark_and_the_light_theme(window):
    contrasts = window.call("contrast.lowest")
    assert len(contrasts) > 200 and {text.partition(":")[0] for text in contrasts} == {"dark", "light"}
    assert not {text: ratio for text, ratio in contrasts.items() if ratio < LOWEST}
