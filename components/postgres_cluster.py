"""A Postgres cluster of CloudNativePG: what the operator is asked for, and who may talk to its pods.

https://cloudnative-pg.io/docs/
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicy,
    NetworkPolicyPeerArgsDict,
    NetworkPolicyPortArgsDict,
    NetworkPolicySpecArgsDict,
)

from components.runtimes import Need
from components.runtimes.network_policy import DNS
from components.runtimes.pod import gib, resource_requirements
from components.runtimes.scope import Scope
from hearth.planning.plan import PostgresCluster

_API = "postgresql.cnpg.io/v1"
_STATUS_PORT = 8000
"""Where the operator asks an instance how it is."""
_API_SERVER_PORTS = (443, 6443)
_WAIT_FOR = {"pulumi.com/waitFor": "condition=Ready"}


def declare_cluster(
    scope: Scope, cluster: PostgresCluster, password: pulumi.Output[str], depends_on: Sequence[Need]
) -> pulumi.Resource:
    """The Cluster with its owner's password; ready once every instance is."""
    policy = NetworkPolicy(
        scope.name, metadata=scope.metadata(cluster.name), spec=policy_spec(cluster, scope), opts=scope.options()
    )
    owner = Secret(
        scope.name,
        # With this label the operator sets a new password as soon as it changes.
        metadata=scope.metadata(f"{cluster.name}-owner", labels={"cnpg.io/reload": "true"}),
        type="kubernetes.io/basic-auth",
        data={"username": _encode(cluster.database), "password": pulumi.Output.secret(password).apply(_encode)},
        opts=scope.options(),
    )
    return CustomResource(
        scope.name,
        api_version=_API,
        kind="Cluster",
        metadata=scope.metadata(cluster.name, _WAIT_FOR),
        spec=cluster_spec(cluster, scope.stack_labels),
        opts=scope.options(
            depends_on=[*depends_on, policy, owner],
            wait_seconds=cluster.ready_timeout_seconds,
            # Its volumes end with it.
            retain=cluster.retain,
        ),
    )


def cluster_spec(cluster: PostgresCluster, labels: Mapping[str, str]) -> dict[str, Any]:
    """Instances on different nodes, with a database whose owner is not a superuser, and pgvector in it."""
    return {
        "instances": cluster.instances,
        "imageName": cluster.image,
        "inheritedMetadata": {"labels": dict(labels)},
        "bootstrap": {
            "initdb": {
                "database": cluster.database,
                "owner": cluster.database,
                "secret": {"name": f"{cluster.name}-owner"},
                "postInitApplicationSQL": ["CREATE EXTENSION IF NOT EXISTS vector"],
            }
        },
        "postgresql": {"parameters": dict(cluster.parameters)},
        "storage": {"size": gib(cluster.volume_gib), "storageClass": cluster.storage_class},
        "resources": resource_requirements(cluster.resources),
        "affinity": {"enablePodAntiAffinity": True, "topologyKey": "kubernetes.io/hostname"},
        "enablePDB": cluster.instances > 1,
    }


def policy_spec(cluster: PostgresCluster, scope: Scope) -> NetworkPolicySpecArgsDict:
    """The web tier reaches the database; instances each other, the operator and the API server."""
    database: NetworkPolicyPortArgsDict = {"protocol": "TCP", "port": cluster.port}
    status: NetworkPolicyPortArgsDict = {"protocol": "TCP", "port": _STATUS_PORT}
    own: NetworkPolicyPeerArgsDict = {"pod_selector": {"match_labels": cluster.pod_labels}}
    operator: NetworkPolicyPeerArgsDict = {
        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": cluster.operator_namespace}}
    }
    return {
        "pod_selector": {"match_labels": cluster.pod_labels},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [
            {
                "from_": [{"pod_selector": {"match_labels": scope.selector_of(caller)}} for caller in cluster.callers],
                "ports": [database],
            },
            {"from_": [own, operator], "ports": [database, status]},
        ],
        "egress": [
            DNS,
            {"to": [own], "ports": [database, status]},
            # Instances watch their Cluster; where the API server is, a policy cannot know.
            {"ports": [{"protocol": "TCP", "port": port} for port in _API_SERVER_PORTS]},
        ],
    }


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
