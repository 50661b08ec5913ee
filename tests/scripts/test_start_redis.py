"""start_redis.sh with the rendered configuration, on real servers: three data nodes and three Sentinels."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from hearth.planning.stores.redis import PORT, SENTINEL_PORT
from tests.live import packages
from tests.planning.stacks import chat, plan
from tests.scripts.sentinels import Site, site

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="three loopback addresses need Linux"),
]

WRITES_AGAIN_SECONDS = 15


@pytest.fixture(params=["valkey", "redis"])
def pods(request: pytest.FixtureRequest) -> Iterator[Site]:
    """In sync, with one value written."""
    if reason := packages.left_out():
        pytest.skip(reason)
    store = plan(webUi=chat(redis={"engine": request.param, "mode": "sentinel"})).redis
    assert store
    try:
        with site(store) as made:
            for pod in made.pods:
                pod.start()
            made.wait(lambda: all(pod.ready() for pod in made.pods), 60, "ready")
            assert made.write("before", "1")
            yield made
    except packages.PackageError as error:
        pytest.skip(str(error))


def test_the_first_node_is_the_first_master(pods: Site) -> None:
    assert pods.masters() == [pods.pods[0].address] * 3


def test_a_lost_master_is_replaced_and_comes_back_as_a_replica(pods: Site) -> None:
    old = pods.master()
    pods.ask(old.address, "wait", "2", "5000")
    old.stop()
    took = pods.wait(lambda: pods.write("after", "2"), WRITES_AGAIN_SECONDS, "writable after the master was killed")
    new = pods.master()
    assert new is not old, f"after {took:.1f} s"
    assert pods.ask(new.address, "get", "before") == "1"
    old.start()
    pods.wait(lambda: pods.replicas() == 2, 60, "in sync with the old master back")
    assert "role:slave" in pods.ask(old.address, "info", "replication")
    assert pods.ask(old.address, "get", "after") == "2"
    pods.wait(lambda: pods.masters() == [new.address] * 3, 30, "of one mind")


def test_after_a_restart_of_all_the_last_master_is_master_again(pods: Site) -> None:
    pods.master().stop()
    pods.wait(lambda: pods.write("after", "2"), WRITES_AGAIN_SECONDS, "writable")
    new = pods.master()
    for pod in pods.pods:
        pod.stop(signal.SIGTERM)
    for pod in pods.pods:
        pod.start()
    pods.wait(lambda: pods.replicas() == 2, 90, "in sync after a restart of all")
    pods.wait(lambda: pods.masters() == [new.address] * 3, 30, "of one mind")
    assert pods.ask(new.address, "get", "after") == "2"


def test_a_node_with_an_empty_volume_follows_the_others(pods: Site) -> None:
    old = pods.master()
    old.stop()
    pods.wait(lambda: pods.write("after", "2"), WRITES_AGAIN_SECONDS, "writable")
    old.lose_volume()
    old.start()
    pods.wait(lambda: pods.replicas() == 2, 60, "in sync")
    assert pods.ask(old.address, "get", "after") == "2"


def test_nobody_gets_in_without_the_password(pods: Site) -> None:
    for port in (PORT, SENTINEL_PORT):
        answer = pods.ask(pods.pods[0].address, "-a", "wrong", "--no-auth-warning", "ping", port=port)
        assert "PONG" not in answer
