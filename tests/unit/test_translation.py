"""The language is the environment's, and a message without a translation is unchanged."""

import os
import subprocess
import sys
from pathlib import Path

from lib import translation
from lib.translation import N_, _, ngettext

CHECKOUT = Path(__file__).absolute().parents[2]


def test_without_a_catalogue_messages_are_english():
    translation.use(["xx"])
    assert _("Generate") == "Generate"
    assert [ngettext("{n} result", "{n} results", n).format(n=n) for n in (1, 2)] == ["1 result", "2 results"]
    assert N_("Later") == "Later"


def test_importing_needs_neither_a_locale_nor_a_catalogue(tmp_path):
    code = "from lib.translation import _; print(_('Generate'))"
    environment = {"PATH": os.environ["PATH"], "LANG": "not-a-language", "LANGUAGE": "::xx"}
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("Generate\n", "")
