"""plugin.pixels.source_type: the mark in GIMP's XML, which mark is stronger, and that nothing else changes."""

import re
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.pixels import source_type
from plugin.pixels.source_type import EDITED, GENERATED, PARTLY_GENERATED, VOCABULARY

HEAD = "<?xml version='1.0' encoding='UTF-8'?>\n<metadata>\n"
OTHERS = '  <tag name="Xmp.dc.title">lang=&quot;x-default&quot; A &amp; B</tag>\n  <tag name="Xmp.x.y">\r&#x1;</tag>\n'
PLAIN = f"{HEAD}{OTHERS}</metadata>\n"


def tag(value: str) -> str:
    return f'  <tag name="Xmp.iptcExt.DigitalSourceType">{escape(value)}</tag>\n'


def test_the_tag_is_added_last_and_everything_else_stays():
    marked = source_type.with_value(PLAIN, VOCABULARY + GENERATED)
    assert marked == f"{HEAD}{OTHERS}{tag(VOCABULARY + GENERATED)}</metadata>\n"
    assert source_type.value_in(marked) == VOCABULARY + GENERATED


def test_the_tag_is_replaced_where_it_is():
    before = f"{HEAD}{tag('a & b')}{OTHERS}</metadata>\n"
    assert source_type.value_in(before) == "a & b"
    assert source_type.with_value(before, "c < d") == f"{HEAD}{tag('c < d')}{OTHERS}</metadata>\n"
    assert re.sub(r"\n\s*\n", "\n", source_type.with_value(before, None)) == PLAIN


def test_no_tag_and_no_value_change_nothing():
    assert source_type.with_value(PLAIN, None) == PLAIN and source_type.value_in(PLAIN) is None
    assert source_type.with_value("no XML", "value") == "no XML"


@given(st.text())
def test_any_value_is_read_back(value):
    assert source_type.value_in(source_type.with_value(PLAIN, value)) == value


@pytest.mark.parametrize(
    ("term", "value", "stronger"),
    [
        (EDITED, None, True),
        (EDITED, VOCABULARY + "digitalCapture", True),
        (EDITED, VOCABULARY + EDITED, False),
        (EDITED, VOCABULARY + PARTLY_GENERATED, False),
        (EDITED, VOCABULARY + "algorithmicMedia", False),
        (EDITED, "a value of somebody's own", False),
        (PARTLY_GENERATED, VOCABULARY + EDITED, True),
        (PARTLY_GENERATED, "digsrctype:computationalCapture", True),
        (PARTLY_GENERATED, VOCABULARY + "compositeSynthetic", False),
        (PARTLY_GENERATED, "https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia/", False),
        (PARTLY_GENERATED, "a value of somebody's own", True),
        (GENERATED, VOCABULARY + PARTLY_GENERATED, True),
        (GENERATED, VOCABULARY + GENERATED, False),
        (PARTLY_GENERATED, " http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\n", False),
        (PARTLY_GENERATED, "HTTPS://CV.IPTC.ORG/newscodes/digitalsourcetype/TrainedAlgorithmicMedia//", False),
        (PARTLY_GENERATED, "https://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic?lang=en-GB#a", False),
        (PARTLY_GENERATED, "digsrctype:trainedAlgorithmicMedia", False),
        (PARTLY_GENERATED, "trainedalgorithmicmedia", False),
        (PARTLY_GENERATED, f"{VOCABULARY}digitalCapture, {VOCABULARY}{GENERATED}", False),
        (PARTLY_GENERATED, "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData", False),
        (EDITED, "http://cv.iptc.org/newscodes/digitalsourcetype/DigitalCapture/", True),
        (EDITED, " ", True),
    ],
)
def test_a_mark_is_only_replaced_by_a_stronger_one(term, value, stronger):
    assert source_type.is_stronger(term, value) is stronger


def test_the_built_in_engine_is_no_trained_model():
    assert source_type.term_for("local") == EDITED
    assert {source_type.term_for(name) for name in ("openai", "custom", "my-server")} == {PARTLY_GENERATED}
