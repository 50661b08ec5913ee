"""How people outside of the cluster reach a workload: load balancer, Ingress, or Gateway with HTTPRoute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Service
from pulumi_kubernetes.core.v1.outputs import ServiceStatus
from pulumi_kubernetes.networking.v1 import Ingress, IngressRuleArgsDict, IngressSpecArgsDict, IngressTLSArgsDict

from components.runtimes.scope import Scope
from hearth.workload import Exposure

_GATEWAY_API = "gateway.networking.k8s.io/v1"
_HTTP = 80
_HTTPS = 443


def declare_exposure(
    scope: Scope, exposure: Exposure, ready: pulumi.Resource, wait_seconds: int
) -> pulumi.Output[str] | None:
    """Exposes the workload's Service on port 80, with TLS on 443, once the workload is `ready`.

    Returns the address of a load balancer of its own, if any.
    """
    match exposure.type:
        case "loadBalancer":
            return _load_balancer(scope, exposure, ready, wait_seconds)
        case "ingress":
            _ingress(scope, exposure, ready, wait_seconds)
        case "gateway":
            _gateway(scope, exposure, ready)
    return None


def _load_balancer(scope: Scope, exposure: Exposure, ready: pulumi.Resource, wait_seconds: int) -> pulumi.Output[str]:
    annotations = {"metallb.io/loadBalancerIPs": exposure.address} if exposure.address else None
    balancer = Service(
        f"{scope.name}-external",
        metadata=scope.metadata(f"{scope.workload}-external", annotations),
        spec={
            "type": "LoadBalancer",
            # MetalLB in layer 2 sends all traffic to one node: "Local" would leave out the replicas of the others.
            "external_traffic_policy": "Cluster",
            "selector": scope.selector,
            "ports": [{"name": "http", "port": _HTTP, "target_port": exposure.port, "protocol": "TCP"}],
        },
        opts=scope.options(depends_on=[ready], wait_seconds=wait_seconds),
    )
    return balancer.status.apply(_first_address)


def _first_address(status: ServiceStatus | None) -> str:
    """IP or host name of a load balancer; empty while it has none."""
    if status is None or status.load_balancer is None or not status.load_balancer.ingress:
        return ""
    first = status.load_balancer.ingress[0]
    return first.ip or first.hostname or ""


def _ingress(scope: Scope, exposure: Exposure, ready: pulumi.Resource, wait_seconds: int) -> None:
    Ingress(
        scope.name,
        metadata=scope.metadata(scope.workload, _issuer(exposure)),
        spec=ingress_spec(exposure, scope.workload),
        opts=scope.options(depends_on=[ready], wait_seconds=wait_seconds),
    )


def ingress_spec(exposure: Exposure, service: str) -> IngressSpecArgsDict:
    """Everything of the host name to the Service."""
    rule: IngressRuleArgsDict = {
        "http": {
            "paths": [
                {
                    "path": "/",
                    "path_type": "Prefix",
                    "backend": {"service": {"name": service, "port": {"number": exposure.port}}},
                }
            ]
        }
    }
    spec: IngressSpecArgsDict = {"rules": [rule]}
    if exposure.hostname:
        rule["host"] = exposure.hostname
    if exposure.class_name:
        spec["ingress_class_name"] = exposure.class_name
    if exposure.tls:
        tls: IngressTLSArgsDict = {"secret_name": exposure.tls.secret_name}
        if exposure.hostname:
            tls["hosts"] = [exposure.hostname]
        spec["tls"] = [tls]
    return spec


def _gateway(scope: Scope, exposure: Exposure, ready: pulumi.Resource) -> None:
    gateway = CustomResource(
        scope.name,
        api_version=_GATEWAY_API,
        kind="Gateway",
        metadata=scope.metadata(scope.workload, _issuer(exposure)),
        spec=gateway_spec(exposure),
        opts=scope.options(depends_on=[ready]),
    )
    for suffix, spec in routes(exposure, scope.workload).items():
        CustomResource(
            f"{scope.name}{suffix}",
            api_version=_GATEWAY_API,
            kind="HTTPRoute",
            metadata=scope.metadata(f"{scope.workload}{suffix}"),
            spec=spec,
            opts=scope.options(depends_on=[gateway]),
        )


def gateway_spec(exposure: Exposure) -> dict[str, Any]:
    """A listener for HTTP and, with a certificate, one for HTTPS."""
    host = {"hostname": exposure.hostname} if exposure.hostname else {}
    listeners: list[dict[str, Any]] = [{"name": "http", "port": _HTTP, "protocol": "HTTP", **host}]
    if exposure.tls:
        certificate = {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": exposure.tls.secret_name}]}
        listeners.append({"name": "https", "port": _HTTPS, "protocol": "HTTPS", "tls": certificate, **host})
    address = {"addresses": [{"type": "IPAddress", "value": exposure.address}]} if exposure.address else {}
    return {"gatewayClassName": exposure.class_name, "listeners": listeners, **address}


def routes(exposure: Exposure, name: str) -> Mapping[str, dict[str, Any]]:
    """HTTPRoute specs by the suffix of their names; with TLS, plain HTTP is redirected."""
    hosts = {"hostnames": [exposure.hostname]} if exposure.hostname else {}

    def route(listener: str, rule: dict[str, Any]) -> dict[str, Any]:
        return {"parentRefs": [{"name": name, "sectionName": listener}], "rules": [rule], **hosts}

    serve = {
        "backendRefs": [{"name": name, "port": exposure.port}],
        # No limit: the default of some gateways (15 s) cuts long answers off.
        "timeouts": {"request": "0s"},
    }
    if exposure.tls is None:
        return {"": route("http", serve)}
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    return {"": route("https", serve), "-redirect": route("http", {"filters": [redirect]})}


def _issuer(exposure: Exposure) -> dict[str, str] | None:
    if exposure.tls and exposure.tls.cluster_issuer:
        return {"cert-manager.io/cluster-issuer": exposure.tls.cluster_issuer}
    return None
