"""A value of the type that is expected is handed on as it is; another one, or none, is a mistake that is named."""

import re

import pytest

from plugin.expect import expect


def test_a_value_of_the_type_is_returned():
    assert expect(int, True) is True


@pytest.mark.parametrize(("value", "name"), [(None, "NoneType"), (1, "int")])
def test_another_value_is_refused(value, name):
    with pytest.raises(TypeError, match=re.escape(f"{name}, expected str")):
        expect(str, value)
