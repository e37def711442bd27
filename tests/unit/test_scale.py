"""The README's section on scale is what the prices, the providers and the measured figures make of it."""

import math
import re
from pathlib import Path

from tests import scale

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_in_the_readme():
    assert "\n".join(scale.servers_table()) in README
    assert "\n".join(scale.scale_table()) in README
    assert scale.assumptions() in README


def test_a_million_pictures_take_so_many_gpus_for_a_day():
    """One row by hand."""
    (row,) = [line for line in scale.scale_table() if line.startswith("| 1,000,000")]
    assert f"{math.ceil(1_000_000 * 10 / 86_400)} GPUs, 24 hours, ${1_000_000 * 10 / 3600 * 2.5:,.0f}" in row
    assert re.search(r"\$69,\d{3}, no machine", row)
