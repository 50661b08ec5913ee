"""How people reach the web UI: by the edge of a cluster, or by a port of the Docker host."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from hearth.planning.host import DockerPlan
from hearth.settings.web_ui import WebUi
from hearth.workload import Exposure, Tls


@dataclass(frozen=True)
class Reach:
    """The web UI's address as people type it."""

    url: str | None = None
    """None while only the load balancer knows, or where nobody outside reaches it."""
    origins: tuple[str, ...] = ()
    """Further addresses of the same pages, without those that the stack file names."""
    exposure: Exposure | None = None
    """What a cluster makes for it."""


def cluster_reach(web_ui: WebUi, port: int) -> Reach:
    """By a load balancer, an Ingress or a Gateway; `port` is that of the pods."""
    wanted = web_ui.exposure
    if wanted.type == "none":
        return Reach()
    tls = Tls(wanted.tls.secret_name, wanted.tls.cluster_issuer) if wanted.tls else None
    host = web_ui.hostname or wanted.address
    return Reach(
        url=f"{'https' if tls else 'http'}://{host}" if host else None,
        exposure=Exposure(wanted.type, port, web_ui.hostname, wanted.class_name, wanted.address, tls),
    )


def host_reach(web_ui: WebUi, workload: str, docker: DockerPlan) -> Reach:
    """By the published port of this workload. Loopback has two names, and a browser tells them apart."""
    port = docker.ports.get(workload)
    if port is None:
        return Reach()
    if web_ui.hostname:
        return Reach(f"http://{web_ui.hostname}:{port}")
    if is_loopback(docker.address):
        return Reach(f"http://localhost:{port}", (f"http://{_host(docker.address)}:{port}",))
    if ip_address(docker.address).is_unspecified:
        return Reach()
    return Reach(f"http://{_host(docker.address)}:{port}")


def _host(address: str) -> str:
    """An address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


def is_loopback(address: str) -> bool:
    """Whether only the host itself reaches it."""
    return ip_address(address).is_loopback
