"""What all tests share: they read English, whatever the developer's language is, and never the developer's settings."""

import os
import re
import tempfile

from xdist.scheduler import LoadScopeScheduling

from lib import translation

os.environ["LANGUAGE"] = "en"
translation.use(["en"])
_data = tempfile.TemporaryDirectory(prefix="generative-edit-tests-")
os.environ["XDG_DATA_HOME"] = _data.name


class OneProcessForEachGimp(LoadScopeScheduling):
    """What is tested in one version of GIMP is tested by one process, in order; so is each file of other tests."""

    def _split_scope(self, nodeid):
        file, _bracket, parameters = nodeid.partition("[")
        if not file.startswith("tests/gimp/"):
            return file.partition("::")[0]
        return "3.0" if "3.0" in re.split(r"[-\]]", parameters) else "3.2"


def pytest_xdist_make_scheduler(config, log):
    return OneProcessForEachGimp(config, log)
