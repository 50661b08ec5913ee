"""Who may talk to a workload, and to whom it may talk, as a NetworkPolicy of its own.

The namespace denies everything (components/namespace.py); each policy allows what its workload declares.
"""

from __future__ import annotations

from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRuleArgsDict,
    NetworkPolicyIngressRuleArgsDict,
    NetworkPolicyPortArgsDict,
    NetworkPolicySpecArgsDict,
)

from components.runtimes.scope import Scope
from hearth.workload import Workload

DNS: NetworkPolicyEgressRuleArgsDict = {
    "to": [
        {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}}},
        # NodeLocal DNSCache listens on a link-local address of the node.
        {"ip_block": {"cidr": "169.254.0.0/16"}},
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def policy_spec(workload: Workload, scope: Scope) -> NetworkPolicySpecArgsDict:
    """Ingress from the callers, and from everywhere where exposed; egress to DNS and to what the workload calls."""
    spec: NetworkPolicySpecArgsDict = {
        "pod_selector": {"match_labels": scope.selector},
        "policy_types": ["Ingress", "Egress"],
        "egress": _egress(workload, scope),
    }
    ingress = _ingress(workload, scope)
    if ingress:
        spec["ingress"] = ingress
    return spec


def declare_policy(scope: Scope, workload: Workload) -> NetworkPolicy:
    """The workload's policy."""
    return NetworkPolicy(
        scope.name,
        metadata=scope.metadata(workload.name),
        spec=policy_spec(workload, scope),
        opts=scope.options(),
    )


def _ingress(workload: Workload, scope: Scope) -> list[NetworkPolicyIngressRuleArgsDict]:
    rules: list[NetworkPolicyIngressRuleArgsDict] = []
    if workload.callers and workload.ports:
        rules.append(
            {
                "from_": [{"pod_selector": {"match_labels": scope.selector_of(caller)}} for caller in workload.callers],
                "ports": _ports(workload),
            }
        )
    if workload.replicas_connect:
        rules.append({"from_": [{"pod_selector": {"match_labels": scope.selector}}], "ports": _ports(workload)})
    if workload.exposure:
        rules.append({"ports": [{"protocol": "TCP", "port": workload.exposure.port}]})
    return rules


def _egress(workload: Workload, scope: Scope) -> list[NetworkPolicyEgressRuleArgsDict]:
    if workload.internet:
        # Everything, private addresses included: the mirror or proxy of an organisation is often within its network.
        return [{}]
    calls: list[NetworkPolicyEgressRuleArgsDict] = [
        {
            "to": [{"pod_selector": {"match_labels": dict(peer.labels) or scope.selector_of(peer.workload)}}],
            "ports": [{"protocol": "TCP", "port": peer.port}],
        }
        for peer in workload.calls
    ]
    if workload.replicas_connect:
        calls.append({"to": [{"pod_selector": {"match_labels": scope.selector}}], "ports": _ports(workload)})
    outside: list[NetworkPolicyEgressRuleArgsDict] = [
        {
            "to": [{"ip_block": {"cidr": network}} for network in server.networks],
            "ports": [{"protocol": "TCP", "port": server.port}],
        }
        for server in workload.calls_outside
    ]
    return [DNS, *calls, *outside]


def _ports(workload: Workload) -> list[NetworkPolicyPortArgsDict]:
    return [{"protocol": "TCP", "port": port.number} for port in workload.ports]
