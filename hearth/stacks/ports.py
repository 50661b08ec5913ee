"""Ports of the host for what a stack publishes: those it asks for, or the next free ones."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Mapping

from hearth.errors import UserError

_HIGHEST = 65535


def choose(
    wanted: Mapping[str, int], address: str, kept: Mapping[str, int], reserved: Collection[int]
) -> dict[str, int]:
    """A port for each workload of `wanted`.

    One of `kept` stays, so that URLs do; the others are the first free ones from the port that is asked for, outside
    `reserved`. Raises UserError when there is none.
    """
    chosen = {name: kept[name] for name in wanted if name in kept}
    for name, port in wanted.items():
        if name not in chosen:
            chosen[name] = _next_free(name, port, address, {*reserved, *chosen.values()})
    return chosen


def _next_free(name: str, first: int, address: str, taken: Collection[int]) -> int:
    for port in range(first, _HIGHEST + 1):
        if port not in taken and is_free(address, port):
            return port
    raise UserError(f"no port of {address} from {first} on is free for {name}: choose another in hearth:docker.publish")


def is_free(address: str, port: int) -> bool:
    """Whether nobody listens there; what this machine cannot tell, such as of another host, counts as free."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As Docker does it: a connection that has ended does not keep its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
