"""A cluster in memory that speaks as much of Kubernetes's API as `hearth backup` and `hearth restore` use.

Its Jobs run: the commands of their containers, as the stack's evaluation renders them, are processes on this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

SCRIPTS = Path(__file__).parents[1] / "hearth/planning/scripts"


@dataclass
class JobCluster:
    """`paths` are those of this machine by the containers' own."""

    cron_jobs: Mapping[str, Any]
    paths: Mapping[str, Path]
    replicas: int = 1
    scaled: list[int] = field(default_factory=list[int])
    """To how many replicas the Deployment was scaled, in order."""
    pods: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    logs: dict[str, str] = field(default_factory=dict[str, str])
    jobs: list[Any] = field(default_factory=list[Any])
    outcomes: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """Exit code and log of containers that are not run, by name."""
    url: str = ""

    def kubeconfig(self, path: Path) -> Path:
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "site",
                    "contexts": [{"name": "site", "context": {"cluster": "site", "user": "me"}}],
                    "clusters": [{"name": "site", "cluster": {"server": self.url}}],
                    "users": [{"name": "me", "user": {"token": "secret"}}],
                }
            )
        )
        return path

    def run(self, job: Any) -> None:
        """Its pod: one step after another, until one fails."""
        self.jobs.append(job)
        name, spec = job["metadata"]["name"], job["spec"]["template"]["spec"]
        labels = {**job["spec"]["template"]["metadata"]["labels"], "batch.kubernetes.io/job-name": name}
        status: dict[str, Any] = {"phase": "Running", "initContainerStatuses": [], "containerStatuses": []}
        self.pods.append({"metadata": {"name": f"{name}-x", "labels": labels}, "status": status})
        kinds = [("initContainerStatuses", spec.get("initContainers", [])), ("containerStatuses", spec["containers"])]
        for kind, containers in kinds:
            for container in containers:
                code, log = self.execute(job, container)
                self.logs[container["name"]] = log
                status[kind].append({"name": container["name"], "state": {"terminated": {"exitCode": code}}})
                if code:
                    status["phase"] = "Failed"
                    return
        status["phase"] = "Succeeded"

    def execute(self, job: Any, container: Any) -> tuple[int, str]:
        """Exit code and log of one container of a Job's pod."""
        if outcome := self.outcomes.get(container["name"]):
            return outcome
        argv = [self._local(part) for part in (*container["command"], *container.get("args", []))]
        argv[0] = sys.executable if argv[0] == "python" else argv[0]
        env = {entry["name"]: self._local(entry.get("value", "")) for entry in container["env"]}
        done = subprocess.run(
            argv,
            env={**env, "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout

    def _local(self, text: str) -> str:
        for path, here in self.paths.items():
            if text == path or text.startswith(f"{path}/"):
                return f"{here}{text[len(path) :]}"
        return text

    def answer(self, method: str, path: str, query: Mapping[str, list[str]], body: Any) -> Any:
        """The object or text; None where there is none."""
        parts = path.split("/")
        match (method, parts[-1], parts):
            case ("GET", name, [*_, "cronjobs", _]):
                return self.cron_jobs.get(name)
            case ("POST", "jobs", _):
                self.run(body)
                return {**body, "apiVersion": "batch/v1", "kind": "Job"}
            case ("GET", "log", _):
                return self.logs[query["container"][0]]
            case ("GET", "pods", _):
                wanted = dict(pair.split("=") for pair in query["labelSelector"][0].split(","))
                return {
                    "kind": "PodList",
                    "items": [pod for pod in self.pods if wanted.items() <= pod["metadata"]["labels"].items()],
                }
            case (_, "scale", _):
                if method == "PATCH":
                    self.replicas = body["spec"]["replicas"]
                    self.scaled.append(self.replicas)
                return {"kind": "Scale", "spec": {"replicas": self.replicas}, "metadata": {"name": parts[-2]}}
        return None


@contextmanager
def serve(cluster: JobCluster) -> Iterator[JobCluster]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            url = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            found = cluster.answer(self.command, url.path, parse_qs(url.query), body)
            text = found if isinstance(found, str) else json.dumps(found or {"kind": "Status", "code": 404})
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = _do  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cluster.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield cluster
        finally:
            server.shutdown()
