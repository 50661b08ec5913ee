from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from hearth.errors import UserError
from hearth.stacks import ports

LOOPBACK = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_used_as_it_is() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    assert ports.choose({"web-ui": port}, LOOPBACK, {}, ()) == {"web-ui": port}


def test_the_next_free_one_replaces_one_that_is_taken(taken: int) -> None:
    assert ports.choose({"web-ui": taken}, LOOPBACK, {}, ())["web-ui"] > taken


def test_ports_of_stacks_that_are_not_running_stay_theirs() -> None:
    assert ports.choose({"web-ui": 23000}, LOOPBACK, {}, {23000, 23001})["web-ui"] >= 23002


def test_a_stack_keeps_its_ports_while_it_uses_them(taken: int) -> None:
    assert ports.choose({"web-ui": 3000}, LOOPBACK, {"web-ui": taken}, ()) == {"web-ui": taken}


def test_two_workloads_never_share_a_port(taken: int) -> None:
    chosen = ports.choose({"web-ui": taken, "api": taken}, LOOPBACK, {}, ())
    assert len(set(chosen.values())) == 2


def test_a_workload_that_is_added_gets_a_port_beside_the_kept_one() -> None:
    chosen = ports.choose({"api": 23000, "web-ui": 23000}, LOOPBACK, {"web-ui": 23000}, ())
    assert chosen["web-ui"] == 23000 and chosen["api"] > 23000


def test_a_workload_that_is_gone_gives_its_port_back() -> None:
    assert ports.choose({}, LOOPBACK, {"web-ui": 3000}, ()) == {}


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_host_counts_as_free(address: str) -> None:
    assert ports.choose({"web-ui": 3000}, address, {}, ()) == {"web-ui": 3000}


def test_no_port_at_all_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(UserError, match=r"from 65535 on is free for web-ui.*hearth:docker\.publish"):
        ports.choose({"web-ui": 65535}, LOOPBACK, {}, {65535})
