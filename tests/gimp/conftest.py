"""Fixtures: each GIMP version once, one GIMP process for a module of tests, and an endpoint that does as it is told."""

import pytest

from tests.gimp.endpoint import TestEndpoint
from tests.gimp.harness import GimpUnderTest

VERSIONS = ("3.0", "3.2")


@pytest.fixture(scope="session")
def endpoint():
    server = TestEndpoint()
    yield server
    server.close()


@pytest.fixture(scope="session", params=VERSIONS)
def installed(request):
    """A GIMP with the plug-in installed in it by install.py; a GIMP that cannot be had is a failure."""
    gimp = GimpUnderTest.find(request.param)
    done = gimp.install()
    assert done.returncode == 0, done.stderr
    return gimp


@pytest.fixture(scope="module")
def environment(endpoint):
    """What the GIMP under test has in its environment: the provider `custom` is the test's endpoint."""
    return {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-test-key"}


@pytest.fixture(scope="module")
def gimp(installed, environment, tmp_path_factory):
    """A GIMP without a window, for all tests of a module."""
    with installed.start(tmp_path_factory.mktemp(f"gimp-{installed.minor}"), environment=environment) as running:
        print(f"GIMP {running.call('edits.version')}")
        yield running


@pytest.fixture
def out(gimp, tmp_path_factory):
    """A folder that both the test and GIMP see."""
    number = len(list(gimp.work.glob("out-*")))
    folder = gimp.work / f"out-{number}"
    folder.mkdir()
    return folder
