"""`expect` returns a value of the expected type, and raises a TypeError for any other."""

import re

import pytest

from plugin.expect import expect


def test_a_value_of_the_type_is_returned():
    assert expect(int, True) is True


@pytest.mark.parametrize(("value", "name"), [(None, "NoneType"), (1, "int")])
def test_a_value_of_another_type_is_refused(value, name):
    with pytest.raises(TypeError, match=re.escape(f"{name}, expected str")):
        expect(str, value)
