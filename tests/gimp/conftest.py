"""Fixtures: each GIMP version once, without a window and with one, and an endpoint that does as it is told."""

import itertools
import platform
from pathlib import Path

import pytest

from lib.installer import release
from tests.gimp.endpoint import TestEndpoint
from tests.gimp.harness import GimpUnderTest, RunningGimp
from tests.gimp.screen import MAIN

VERSIONS = ("3.0", "3.2")
TIMEOUT = 1200  # seconds for one test: a GIMP may have to be fetched first
KEY = "sk-test-key"


def pytest_collection_modifyitems(config, items):
    """Leave out what a GIMP does not have, and in a brief run what is tested in the other GIMP."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT))
    markers = ["only_gimp", "one_gimp"] if config.getoption("--brief") else ["only_gimp"]
    left_out = {item for item in items if any(_is_for_another_gimp(item, name) for name in markers)}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add what the windows say to the report of a test that failed."""
    report = yield
    window = getattr(item, "funcargs", {}).get("window")
    if report.failed and isinstance(window, RunningGimp):
        report.sections.append(("what the windows say", _said(window)))
    return report


def _said(window):
    try:
        titles = window.call("accessibility.windows")
        return "\n".join(f"{title}: {window.call('accessibility.texts', title=title)}" for title in titles[1:])
    except (OSError, AssertionError) as error:
        return f"They cannot be asked: {error}"


def _is_for_another_gimp(item, marker_name):
    marker = item.get_closest_marker(marker_name)
    minor = item.callspec.params.get("installed") if hasattr(item, "callspec") else None
    return bool(marker and minor) and marker.args != (minor,)


def in_turns(values):
    """Parameters of which a brief run tries one half in each GIMP."""
    turns = zip(values, itertools.cycle(VERSIONS), strict=False)
    tuples = [(value if isinstance(value, tuple) else (value,), minor) for value, minor in turns]
    return [pytest.param(*values, marks=pytest.mark.one_gimp(minor)) for values, minor in tuples]


@pytest.fixture(scope="session")
def endpoint():
    server = TestEndpoint()
    yield server
    server.close()


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """A folder with this platform's release files, made as `install.py release` makes them."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    out = tmp_path_factory.mktemp("dist")
    release.run(out, [f"linux-{machine}"])
    return out


@pytest.fixture(scope="session", params=VERSIONS)
def installed(request):
    """A GIMP with the plug-in installed in it by install.py; a GIMP that cannot be had is a failure."""
    gimp = GimpUnderTest.find(request.param)
    done = gimp.install()
    assert done.returncode == 0, done.stderr
    yield gimp
    gimp.share_files()


@pytest.fixture(scope="module")
def environment(endpoint):
    """The variables with which the plug-in starts: the provider `custom` is the test's endpoint."""
    return {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": KEY}


@pytest.fixture(scope="session")
def console(installed, tmp_path_factory):
    """A GIMP without a window, for all modules."""
    with installed.start(tmp_path_factory.mktemp(f"gimp-{installed.minor}")) as running:
        print(f"GIMP {running.call('edits.version')}")
        yield running


@pytest.fixture(scope="module")
def gimp(console, environment):
    """A GIMP without a window, as good as new for each module."""
    console.renew(environment)
    return console


@pytest.fixture(scope="session")
def desktop(installed, tmp_path_factory):
    """A GIMP with a window on a small screen, for all modules."""
    work = tmp_path_factory.mktemp(f"window-{installed.minor}")
    with installed.start(work, window=(1280, 720), accessible=True) as running:
        running.wait_for_window(MAIN)
        yield running


@pytest.fixture(scope="module")
def window(desktop, environment):
    """A GIMP with a window, as good as new for each module."""
    desktop.clear()
    desktop.renew({**environment, "GENERATIVE_EDIT_PROVIDER": "custom"})
    return desktop


@pytest.fixture
def out(gimp):
    """A folder that both the test and GIMP see."""
    number = len(list(gimp.work.glob("out-*")))
    folder = gimp.work / f"out-{number}"
    folder.mkdir()
    return folder
