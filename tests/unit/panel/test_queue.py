"""Which edits of the panel's queue start when."""

from dataclasses import dataclass

import pytest

from plugin.panel.queue import ready_to_start


@dataclass(frozen=True)
class Edit:
    name: str
    provider_name: str = "openai"
    requests: int = 1
    limit: int = 2


A, B, C = Edit("a"), Edit("b"), Edit("c")
LOCAL = Edit("local", "local", limit=1)
PAIR = Edit("pair", requests=2)
MANY = Edit("many", requests=4)


@pytest.mark.parametrize(
    ("waiting", "running", "ready"),
    [
        ([], [], []),
        ([A], [], [A]),
        ([A, B, C], [], [A, B]),
        ([C], [A, B], []),
        ([C], [B], [C]),
        ([B, LOCAL], [A, C], [LOCAL]),
        ([LOCAL, Edit("second", "local", limit=1)], [], [LOCAL]),
        ([PAIR, A], [], [PAIR]),
        ([PAIR], [A], []),
        # A smaller edit does not overtake the one that waits for room.
        ([PAIR, B], [A], []),
        ([MANY, A], [], [MANY]),
        ([A, MANY], [], [A]),
        ([A], [MANY], []),
    ],
)
def test_edits_start_in_order_up_to_the_limit_of_their_provider(waiting, running, ready):
    assert ready_to_start(waiting, running) == ready


def test_every_provider_has_a_limit():
    from lib.api import providers

    limits = {name: providers.get(name).concurrency for name in providers.names()}
    assert all(limit >= 1 for limit in limits.values()) and limits["openai"] == 2
