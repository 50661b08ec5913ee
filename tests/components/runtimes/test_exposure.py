"""How people outside of the cluster reach a workload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hearth.evaluation import Evaluation
from hearth.workload import Exposure, Tls, Workload


def one(evaluation: Evaluation, kind: str) -> Any:
    [found] = evaluation.of_type(kind)
    return found


def test_a_load_balancer_serves_port_80_at_its_fixed_address(plain: Workload, realise: Any) -> None:
    evaluation = realise(replace(plain, exposure=Exposure("loadBalancer", 8080, address="192.168.33.240")))
    balancer = evaluation.named("Service", "stack-part-external")
    assert balancer.inputs["metadata"]["annotations"] == {"metallb.io/loadBalancerIPs": "192.168.33.240"}
    assert balancer.inputs["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    assert balancer.options.timeouts.create == "600s"


def test_an_ingress_sends_its_host_to_the_service(plain: Workload, realise: Any) -> None:
    exposure = Exposure("ingress", 8080, "chat.example.org", "nginx", tls=Tls("chat-tls", "letsencrypt"))
    ingress = one(realise(replace(plain, exposure=exposure)), "Ingress").inputs
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert ingress["spec"] == {
        "ingressClassName": "nginx",
        "rules": [
            {
                "host": "chat.example.org",
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "plain", "port": {"number": 8080}}},
                        }
                    ]
                },
            }
        ],
        "tls": [{"secretName": "chat-tls", "hosts": ["chat.example.org"]}],
    }


def test_a_gateway_with_a_certificate_serves_https(plain: Workload, realise: Any) -> None:
    exposure = Exposure("gateway", 8080, "chat.example.org", "envoy", tls=Tls("chat-tls"))
    spec = one(realise(replace(plain, exposure=exposure)), "Gateway").inputs["spec"]
    assert spec["gatewayClassName"] == "envoy"
    assert [(found["name"], found["port"], found["protocol"]) for found in spec["listeners"]] == [
        ("http", 80, "HTTP"),
        ("https", 443, "HTTPS"),
    ]
    assert spec["listeners"][1]["tls"]["certificateRefs"] == [{"kind": "Secret", "name": "chat-tls"}]


def test_with_a_certificate_plain_http_is_redirected(plain: Workload, realise: Any) -> None:
    exposure = Exposure("gateway", 8080, "chat.example.org", "envoy", tls=Tls("chat-tls"))
    evaluation = realise(replace(plain, exposure=exposure))
    serve, redirect = (found.inputs["spec"] for found in evaluation.of_type("HTTPRoute"))
    assert serve["parentRefs"] == [{"name": "plain", "sectionName": "https"}]
    assert serve["rules"][0]["backendRefs"] == [{"name": "plain", "port": 8080}]
    assert redirect["parentRefs"] == [{"name": "plain", "sectionName": "http"}]
    assert redirect["rules"][0]["filters"][0]["requestRedirect"] == {"scheme": "https", "statusCode": 301}


def test_a_gateway_without_a_certificate_serves_http(plain: Workload, realise: Any) -> None:
    exposure = Exposure("gateway", 8080, "chat.example.org", "envoy")
    evaluation = realise(replace(plain, exposure=exposure))
    [listener] = one(evaluation, "Gateway").inputs["spec"]["listeners"]
    [route] = evaluation.of_type("HTTPRoute")
    assert (listener["name"], route.inputs["spec"]["parentRefs"][0]["sectionName"]) == ("http", "http")
