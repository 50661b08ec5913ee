"""One-off Jobs from the CronJobs of a stack, on its cluster, with the rights of whoever runs the command."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from hearth.planning.plan import ClusterAccess
from hearth.rehearsal.api import mapping, rows

Object = dict[str, Any]
Tell = Callable[[str], None]
"""Receives one line for the person in front of the command."""

_POLL_SECONDS = 1.0
_SILENT_SECONDS = 30.0
"""After which the command says what a pod waits for."""
_KEPT_SECONDS = 24 * 3600
"""How long a Job's pods and their logs stay."""


class JobError(Exception):
    """The cluster refuses or cannot be reached; the message says what, why, and what to do."""


class StackCluster:
    """The namespace of a stack. Every method raises JobError when the cluster refuses or cannot be reached."""

    def __init__(self, access: ClusterAccess, namespace: str) -> None:
        from kubernetes import config

        self.namespace = namespace
        loader: Any = config  # the official client is only partly typed
        with _explained("reach the cluster"):
            self._api: Any = loader.new_client_from_config(access.kubeconfig, access.context)

    def replicas(self, deployment: str) -> int:
        """How many a Deployment is to have."""
        with _explained(f"read Deployment {deployment}"):
            return mapping(self._call("GET", self._scale(deployment)), "spec").get("replicas", 0)

    def scale(self, deployment: str, replicas: int) -> None:
        """Sets how many a Deployment is to have."""
        with _explained(f"scale Deployment {deployment}"):
            self._call("PATCH", self._scale(deployment), {"spec": {"replicas": replicas}})

    def running_pods(self, labels: str) -> list[str]:
        """Names of pods with these labels that have not ended."""
        return [pod["metadata"]["name"] for pod in self._pods(labels) if not _has_ended(pod)]

    def start(self, cron_job: str, change: Callable[[Object], None] = lambda spec: None) -> str:
        """Makes a Job from a CronJob, its pod spec changed by `change`, and returns its name."""
        with _explained(f"read CronJob {cron_job}"):
            owner = self._call("GET", f"{self._path('batch/v1')}/cronjobs/{cron_job}")
        job = _job_of(owner)
        change(job["spec"]["template"]["spec"])
        with _explained(f"make a Job of {cron_job}"):
            self._call("POST", f"{self._path('batch/v1')}/jobs", job)
        return job["metadata"]["name"]

    def follow(self, job: str, tell: Tell) -> Object:
        """Tells the log of one container after another; returns the pod, once it has ended."""
        labels, told, since = f"batch.kubernetes.io/job-name={job}", set[str](), time.monotonic()
        while True:
            pods = self._pods(labels)
            if not pods and self._failed(job):
                raise JobError(f"Job {job} failed without a pod: kubectl describe job {job} -n {self.namespace}")
            for pod in pods:
                for container in _started(pod):
                    if container not in told:
                        told.add(container)
                        self._tell_log(pod["metadata"]["name"], container, tell)
                        since = time.monotonic()
                if _has_ended(pod):
                    return pod
            if time.monotonic() - since > _SILENT_SECONDS:
                since = time.monotonic()
                tell(f"waiting for Job {job}: {_obstacle(pods)}")
            time.sleep(_POLL_SECONDS)

    def _tell_log(self, pod: str, container: str, tell: Tell) -> None:
        try:
            with _explained(f"read the log of {pod}"):
                query = {"container": container, "follow": "true"}
                log = self._open("GET", f"{self._path('v1')}/pods/{pod}/log", query=query)
                pending = b""
                for chunk in log.stream():
                    *lines, pending = (pending + chunk).split(b"\n")
                    for line in lines:
                        tell(line.decode(errors="replace"))
                if pending:
                    tell(pending.decode(errors="replace"))
        except JobError as error:
            # A connection without a line for long is often cut; how the step ends is seen in its state.
            tell(f"{error}; its end is awaited without it")

    def _failed(self, job: str) -> bool:
        with _explained(f"read Job {job}"):
            found = self._call("GET", f"{self._path('batch/v1')}/jobs/{job}")
        return any(c["type"] == "Failed" and c["status"] == "True" for c in rows(found, "status", "conditions"))

    def _pods(self, labels: str) -> list[Object]:
        with _explained("list pods"):
            return self._call("GET", f"{self._path('v1')}/pods", query={"labelSelector": labels})["items"]

    def _scale(self, deployment: str) -> str:
        return f"{self._path('apps/v1')}/deployments/{deployment}/scale"

    def _path(self, version: str) -> str:
        return f"/{'apis' if '/' in version else 'api'}/{version}/namespaces/{self.namespace}"

    def _call(self, method: str, path: str, body: Object | None = None, query: dict[str, str] | None = None) -> Object:
        return json.loads(self._open(method, path, body, query).read())

    def _open(self, method: str, path: str, body: Object | None = None, query: dict[str, str] | None = None) -> Any:
        """The response, unread. Plain JSON: the client's own models refuse what a newer server adds."""
        from kubernetes.client.exceptions import ApiException

        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": "*/*", "Content-Type": kind},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._api.call_api(*request)
        if not 200 <= answer.status <= 299:
            raise ApiException(status=answer.status, reason=answer.response.reason)
        return answer.response


def failed_container(pod: Object) -> str | None:
    """The container that ended a pod; None where all went well."""
    for status in _statuses(pod):
        if mapping(status, "state", "terminated").get("exitCode", 0) != 0:
            return status["name"]
    return None if pod["status"]["phase"] == "Succeeded" else "the pod itself"


def succeeded(pod: Object, container: str) -> bool:
    """Whether a container of a pod has ended well."""
    found = (mapping(status, "state", "terminated") for status in _statuses(pod) if status["name"] == container)
    return any(state.get("exitCode") == 0 for state in found)


def _job_of(cron_job: Object) -> Object:
    metadata, template = cron_job["metadata"], deepcopy(cron_job["spec"]["jobTemplate"])
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{metadata['name']}-{secrets.token_hex(4)}",
            "labels": metadata.get("labels", {}),
            "ownerReferences": [owner],
        },
        "spec": {**template["spec"], "backoffLimit": 0, "ttlSecondsAfterFinished": _KEPT_SECONDS},
    }


def _statuses(pod: Object) -> list[Object]:
    return [*rows(pod, "status", "initContainerStatuses"), *rows(pod, "status", "containerStatuses")]


def _started(pod: Object) -> Iterator[str]:
    for status in _statuses(pod):
        if {"running", "terminated"} & mapping(status, "state").keys():
            yield status["name"]


def _has_ended(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _obstacle(pods: list[Object]) -> str:
    """What a pod says that it waits for."""
    for pod in pods:
        for status in _statuses(pod):
            waiting = mapping(status, "state", "waiting")
            if waiting.get("reason") not in (None, "PodInitializing"):
                return " ".join(filter(None, (waiting["reason"], waiting.get("message"))))
        for condition in rows(pod, "status", "conditions"):
            if condition["status"] == "False" and condition.get("message"):
                return condition["message"]
    return "it has no pod yet" if not pods else "its pod starts"


@contextmanager
def _explained(action: str) -> Generator[None]:
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.config_exception import ConfigException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as refusal:
        error: Any = refusal
        remedy = {
            401: "sign in to the cluster again",
            403: "ask for the right to do so in this namespace",
            404: "deploy the stack with hearth:backup first",
        }.get(error.status, "see the cluster's message")
        raise JobError(f"cannot {action}: {error.status} {error.reason}; {remedy}") from refusal
    except (ConfigException, HTTPError, OSError) as error:
        raise JobError(f"cannot {action}: {error}; check hearth:cluster and the network") from error
