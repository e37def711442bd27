"""The type stubs with which `plugin` is checked are those of GIMP 3.0's own libraries."""

import pytest

from tests.gimp.harness import GimpUnderTest
from tests.tools import stubs


@pytest.mark.parametrize("minor", [stubs.MINOR])
def test_the_stubs_are_up_to_date(minor):
    gimp = GimpUnderTest.find(minor)
    if not gimp.private:
        pytest.skip("The stubs are made from the typelibs of a private GIMP.")
    texts = stubs.generate(gimp.private)
    assert len(texts) == 4
    for name, text in texts.items():
        assert (stubs.STUBS / name).read_text(encoding="utf-8") == text, "Run tests/tools/stubs.py."
