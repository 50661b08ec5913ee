"""Who may talk to a workload, and to whom it may talk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hearth.workload import Exposure, Workload

SECRETS = {"API_KEY": "x", "auth.conf": "x"}


def policy(workload: Workload, realise: Any, secrets: Mapping[str, str] | None = None) -> Any:
    [found] = realise(workload, secrets or SECRETS).of_type("NetworkPolicy")
    return found.inputs["spec"]


def test_only_callers_reach_a_server(server: Workload, realise: Any) -> None:
    assert policy(server, realise)["ingress"] == [
        {
            "from": [
                {
                    "podSelector": {
                        "matchLabels": {"app.kubernetes.io/name": "web-ui", "app.kubernetes.io/instance": "prod"}
                    }
                }
            ],
            "ports": [{"protocol": "TCP", "port": 8000}],
        }
    ]


def test_a_server_without_callers_is_reached_by_nobody(plain: Workload, realise: Any) -> None:
    assert "ingress" not in policy(plain, realise)
    assert policy(plain, realise)["policyTypes"] == ["Ingress", "Egress"]


def test_a_server_reaches_dns_and_what_it_calls(server: Workload, realise: Any) -> None:
    dns, call = policy(server, realise)["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert call == {
        "to": [
            {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "prod"}}}
        ],
        "ports": [{"protocol": "TCP", "port": 6379}],
    }


def test_a_workload_with_internet_reaches_everything(job: Workload, realise: Any) -> None:
    assert policy(job, realise, {"HF_TOKEN": "x"})["egress"] == [{}]


def test_an_exposed_port_is_open_to_everyone(plain: Workload, realise: Any) -> None:
    exposed = replace(plain, exposure=Exposure("loadBalancer", 8080))
    assert policy(exposed, realise)["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8080}]}]
