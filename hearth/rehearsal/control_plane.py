"""Command lines of the programs that make up an embedded cluster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hearth.rehearsal.credentials import SERVICE_CIDR, Credentials

_ETCD_CLIENT = "unix://etcd-client:0"
_ETCD_PEER = "unix://etcd-peer:0"
"""Sockets in the cluster's directory, where the programs run: no port can clash, and no other user can connect."""

_CLIENT_RATE = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""Requests a second; upstream's defaults are for an API server that many share."""

_POD_CIDR = "10.128.0.0/10"
"""Covers the ranges that `nodes.manifest` gives to nodes."""


def etcd(binary: Path) -> list[str]:
    """A single member; its data need not outlive the machine's memory, so nothing is forced to disk."""
    return [
        str(binary),
        "--name=hearth",
        "--data-dir=etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={_ETCD_CLIENT}",
        f"--advertise-client-urls={_ETCD_CLIENT}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=hearth={_ETCD_PEER}",
        "--log-level=warn",
    ]


def api_server(binary: Path, credentials: Credentials, port: int) -> list[str]:
    """The API server with upstream's default admission: Pod Security, ResourceQuota, LimitRange and so on."""
    return [
        str(binary),
        f"--etcd-servers={_ETCD_CLIENT}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        # A loopback address is not allowed in an EndpointSlice, and nothing inside the cluster connects to it.
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--tls-cert-file={credentials.server_certificate}",
        f"--tls-private-key-file={credentials.server_key}",
        f"--token-auth-file={credentials.token_file}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={credentials.service_account_key}",
        f"--service-account-signing-key-file={credentials.service_account_key}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--allow-privileged",
        "--profiling=false",
    ]


def controller_manager(binary: Path, credentials: Credentials, kubeconfig: Path) -> list[str]:
    """Every upstream controller but the one that waits for kubelets to mount volumes: there are no kubelets."""
    return [
        str(binary),
        f"--kubeconfig={kubeconfig}",
        "--secure-port=0",
        "--leader-elect=false",
        "--controllers=*,-persistentvolume-attach-detach-controller",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={credentials.service_account_key}",
        f"--root-ca-file={credentials.ca_certificate}",
        "--pvclaimbinder-sync-period=2s",
        *_CLIENT_RATE,
    ]


def scheduler(binary: Path, kubeconfig: Path, configuration: Path) -> list[str]:
    """The scheduler with upstream's default profile; writes its `configuration` file."""
    settings = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(kubeconfig), "qps": 500, "burst": 1000},
    }
    configuration.write_text(json.dumps(settings))
    return [str(binary), f"--config={configuration}", "--secure-port=0"]


def kwok(binary: Path, kubeconfig: Path, stages: tuple[Path, ...]) -> list[str]:
    """kwok in the place of every node's kubelet, with the life cycles of nodes and pods in `stages`."""
    return [
        str(binary),
        f"--kubeconfig={kubeconfig}",
        "--manage-all-nodes",
        f"--cidr={_POD_CIDR}",
        "--node-lease-duration-seconds=40",
        *(f"--config={stage}" for stage in stages),
    ]


def site_controllers(kubeconfig: Path, address_pools: tuple[str, ...]) -> list[str]:
    """Hearth's own stand-ins for a site's storage, load balancer and gateway."""
    pools = [f"--address-pool={pool}" for pool in address_pools]
    return [sys.executable, "-m", "hearth.rehearsal.controllers", f"--kubeconfig={kubeconfig}", *pools]
