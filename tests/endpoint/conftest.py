"""Fixtures of the endpoint's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from lib.endpoint import Endpoint
from lib.endpoint.app import App
from lib.endpoint.files import FileStore
from lib.endpoint.jobs import Jobs
from tests.endpoint.support import KEY, Caller


@pytest.fixture
def caller(tmp_path: Path) -> Caller:
    return Caller(App(KEY, FileStore(tmp_path / "files"), Jobs(2, 4)))


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint.start() as running:
        yield running


@pytest.fixture
def client(endpoint: Endpoint) -> OpenAI:
    return OpenAI(api_key=endpoint.key, base_url=endpoint.base_url, max_retries=0, timeout=60)
