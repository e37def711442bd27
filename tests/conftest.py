"""What all tests share: they read English, whatever the developer's language is, and never the developer's settings."""

import os
import re
import tempfile

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from lib import translation
from tests.systems import DATA_HOME, REASONS, skip_reason

os.environ["LANGUAGE"] = "en"
translation.use(["en"])
_data = tempfile.TemporaryDirectory(prefix="generative-edit-tests-")
os.environ[DATA_HOME] = _data.name

BRIEF_EXAMPLES = 25


def pytest_addoption(parser):
    summary = "shorter campaigns, and one GIMP for what does not depend on its version: what tests/run.py runs"
    parser.addoption("--brief", action="store_true", help=summary)


def pytest_configure(config):
    config.addinivalue_line("markers", "one_gimp(minor): tested in this GIMP alone in a brief run")
    config.addinivalue_line("markers", "only_gimp(minor): tests what only this GIMP has")
    config.addinivalue_line("markers", "whole_run: not in a brief run")
    for name, reason in REASONS.items():
        config.addinivalue_line("markers", f"{name}: {reason}")
    settings.register_profile("whole", deadline=None)
    settings.register_profile("brief", deadline=None, derandomize=True, max_examples=BRIEF_EXAMPLES)
    settings.load_profile("brief" if config.getoption("--brief") else "whole")


def pytest_runtest_setup(item):
    reason = skip_reason({mark.name for mark in item.iter_markers()})
    if reason:
        pytest.skip(reason)


def pytest_unconfigure():
    _data.cleanup()  # a process of pytest-xdist ends without doing so by itself


def pytest_collection_modifyitems(config, items):
    if config.getoption("--brief"):
        left_out = {item for item in items if item.get_closest_marker("whole_run")}
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def campaign(pytestconfig):
    """Chooses how often something is tried: campaign(brief=4, whole=20)."""

    def choose(brief, whole):
        return brief if pytestconfig.getoption("--brief") else whole

    return choose


class TwoProcessesForEachGimp(LoadScopeScheduling):
    """One process tests the windows of a GIMP, another the rest of it, each in order; so is each file of other tests.

    The GIMPs come first, as they are the longest: each is fetched while the other is, and while other tests run.
    """

    def _split_scope(self, nodeid):
        file, _bracket, parameters = nodeid.partition("[")
        versions = {"3.0", "3.2"} & set(re.split(r"[-\]]", parameters))
        if file.startswith("tests/gimp/") and not file.startswith("tests/gimp/test_install.py") and versions:
            return versions.pop() + (" windows" if file.startswith("tests/gimp/windows/") else "")
        return file.partition("::")[0]


def pytest_xdist_make_scheduler(config, log):
    return TwoProcessesForEachGimp(config, log)
