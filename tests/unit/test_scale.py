"""The tables in lib/endpoint/README.md are what prices, providers and measured figures make of them."""

import math
import re
from pathlib import Path

from lib.api import models, providers
from tests.tools import scale

CHECKOUT = Path(__file__).parents[2]
ENDPOINT_README = (CHECKOUT / "lib" / "endpoint" / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_in_the_readme():
    assert "\n".join(scale.servers_table()) in ENDPOINT_README
    assert "\n".join(scale.scale_table()) in ENDPOINT_README
    assert scale.assumptions() in ENDPOINT_README


def test_the_price_of_one_edit_is_in_the_readme():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert f"{scale.edit_price()} ({scale.MODEL}, 1024×1024, {scale.QUALITY} quality)" in readme


def test_the_prices_in_the_readmes_are_those_of_the_default_model():
    openai = providers.get("openai")
    assert openai.model_name(None) == scale.MODEL and models.get(scale.MODEL).default_quality == scale.QUALITY


def test_a_million_pictures_take_so_many_gpus_for_a_day():
    """One row by hand."""
    (row,) = [line for line in scale.scale_table() if line.startswith("| 1,000,000")]
    assert f"{math.ceil(1_000_000 * 10 / 86_400)} GPUs, 24 hours, ${1_000_000 * 10 / 3600 * 2.5:,.0f}" in row
    assert re.search(r"\$29,\d{3}, no machine", row)
