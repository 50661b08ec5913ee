"""KubernetesRuntime: a Workload as Deployment, StatefulSet or Job, with everything around it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentStrategyArgsDict, StatefulSet, StatefulSetSpecArgsDict
from pulumi_kubernetes.batch.v1 import CronJob, CronJobSpecArgsDict, Job, JobSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ConfigMap,
    PersistentVolumeClaim,
    PodTemplateSpecArgsDict,
    Secret,
    Service,
    ServiceSpecArgsDict,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.runtimes import Need, Running
from components.runtimes.claims import claim_spec, declare_claim
from components.runtimes.exposure import declare_exposure
from components.runtimes.network_policy import declare_policy
from components.runtimes.pod import config_files, pod_spec, secret_keys
from components.runtimes.scope import SKIP_AWAIT, Scope
from hearth.workload import Claim, Rollout, Schedule, Workload

_CHECKSUM = "hearth.dev/config-checksum"
_OLD_VERSIONS = 3
_OLD_JOBS = 3
_START_LATE_SECONDS = 3600
_JOB_RETRIES = 3
_JOB_GRACE_SECONDS = 60
"""A Job ends itself, with its own reason, before the deployment gives up on it."""


@dataclass(frozen=True)
class KubernetesRuntime:
    """Runs workloads in a namespace.

    >>> runtime = KubernetesRuntime("chat", {"app.kubernetes.io/instance": "prod"})
    """

    namespace: pulumi.Input[str]
    labels: Mapping[str, str]
    """On every object; with `app.kubernetes.io/instance`, pods of other instances are never selected."""
    retain_claims: bool = False
    """Claims stay when the stack is destroyed."""

    def run(
        self,
        name: str,
        workload: Workload,
        *,
        parent: pulumi.Resource,
        secrets: Mapping[str, pulumi.Input[str]],
        depends_on: Sequence[Need] = (),
        replace_with: Sequence[pulumi.Resource] = (),
    ) -> Running:
        """Declares the workload's objects; the contract is that of `Runtime.run`."""
        scope = Scope(name, workload.name, workload.tier, self.namespace, self.labels, parent)
        own_secrets = _own_secrets(workload, secrets)
        files = config_files(workload)
        needs: list[Need] = [*depends_on, declare_policy(scope, workload)]
        needs += [self._claim(scope, claim, depends_on) for claim in workload.claims if not claim.for_each_replica]
        if own_secrets:
            needs.append(_secret(scope, own_secrets))
        if files:
            needs.append(ConfigMap(name, metadata=scope.metadata(workload.name), data=files, opts=scope.options()))
        if workload.kind == "job":
            ready = _job(scope, workload, files, own_secrets, needs)
            return Running(workload.name, ready, ready)
        if workload.schedule:
            ready = _cron_job(scope, workload, workload.schedule, needs)
            return Running(workload.name, ready, ready)
        service = _service(scope, workload)
        needs.append(service)
        template = _template(scope, workload, {_CHECKSUM: _checksum(files, own_secrets)})
        if workload.kind == "deployment":
            ready = _deployment(scope, workload, template, needs, replace_with)
        else:
            ready = _stateful_set(scope, workload, template, needs, self.retain_claims)
        if workload.min_available is not None:
            _disruption_budget(scope, workload.min_available)
        address = None
        if workload.exposure:
            address = declare_exposure(scope, workload.exposure, ready, workload.ready_timeout_seconds)
        return Running(workload.name, ready, ready, address)

    def _claim(self, scope: Scope, claim: Claim, depends_on: Sequence[Need]) -> PersistentVolumeClaim:
        opts = scope.options(depends_on=depends_on, retain=self.retain_claims)
        return declare_claim(f"{scope.name}-{claim.name}", claim, scope.metadata(claim.name), opts)


def _own_secrets(workload: Workload, secrets: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
    keys = secret_keys(workload)
    missing = [key for key in keys if key not in secrets]
    if missing:
        raise ValueError(f"workload {workload.name} needs the secrets {', '.join(missing)}; give a value for each")
    return {key: secrets[key] for key in keys}


def _secret(scope: Scope, values: Mapping[str, pulumi.Input[str]]) -> Secret:
    """`data`, not `stringData`: what the cluster stores is what was declared, and a key that is left out disappears."""
    data = {key: pulumi.Output.secret(value).apply(_encode) for key, value in values.items()}
    return Secret(scope.name, metadata=scope.metadata(scope.workload), type="Opaque", data=data, opts=scope.options())


def _encode(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _checksum(files: Mapping[str, str], secrets: Mapping[str, pulumi.Input[str]]) -> pulumi.Input[str]:
    """Changes whenever a file or a secret of the workload does, so that its pods are replaced.

    Everyone who sees the pods sees it. Secrets cannot be guessed from it, as it covers all those of the workload at
    once and at least one of them is long and random.
    """
    if not secrets:
        return _digest([files])
    digest = pulumi.Output.all(**secrets).apply(lambda values: _digest([files, values]))
    return pulumi.Output.unsecret(digest)


def _template(
    scope: Scope, workload: Workload, annotations: Mapping[str, pulumi.Input[str]] | None = None
) -> PodTemplateSpecArgsDict:
    metadata: ObjectMetaArgsDict = {"labels": scope.labels}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": pod_spec(workload, scope.selector)}


def _deployment(
    scope: Scope,
    workload: Workload,
    template: PodTemplateSpecArgsDict,
    needs: Sequence[Need],
    replace_with: Sequence[pulumi.Resource],
) -> Deployment:
    return Deployment(
        scope.name,
        metadata=scope.metadata(workload.name),
        spec={
            "replicas": workload.replicas,
            "revision_history_limit": _OLD_VERSIONS,
            "progress_deadline_seconds": workload.rollout.progress_deadline_seconds,
            "strategy": _strategy(workload.rollout),
            "selector": {"match_labels": scope.selector},
            "template": template,
        },
        opts=scope.options(depends_on=needs, wait_seconds=workload.ready_timeout_seconds, replace_with=replace_with),
    )


def _strategy(rollout: Rollout) -> DeploymentStrategyArgsDict:
    if rollout.strategy == "recreate":
        return {"type": "Recreate"}
    return {
        "type": "RollingUpdate",
        "rolling_update": {"max_surge": rollout.max_surge, "max_unavailable": rollout.max_unavailable},
    }


def _stateful_set(
    scope: Scope,
    workload: Workload,
    template: PodTemplateSpecArgsDict,
    needs: Sequence[Need],
    retain_claims: bool,
) -> StatefulSet:
    spec: StatefulSetSpecArgsDict = {
        "replicas": workload.replicas,
        "service_name": workload.name,
        # With OrderedReady a broken pod has to be deleted by hand before its repair is rolled out.
        "pod_management_policy": "Parallel",
        "selector": {"match_labels": scope.selector},
        "template": template,
    }
    templates = [claim for claim in workload.claims if claim.for_each_replica]
    if templates:
        spec["volume_claim_templates"] = [
            {"metadata": {"name": claim.name, "labels": scope.labels}, "spec": claim_spec(claim)} for claim in templates
        ]
        spec["persistent_volume_claim_retention_policy"] = {
            "when_deleted": "Retain" if retain_claims else "Delete",
            "when_scaled": "Retain",
        }
    return StatefulSet(
        scope.name,
        metadata=scope.metadata(workload.name),
        spec=spec,
        opts=scope.options(depends_on=needs, wait_seconds=workload.ready_timeout_seconds),
    )


def _job(
    scope: Scope,
    workload: Workload,
    files: Mapping[str, str],
    secrets: Mapping[str, pulumi.Input[str]],
    needs: Sequence[Need],
) -> Job:
    """A Job's pods cannot be changed: its name carries a hash of them, so that a change runs a new Job.

    A changed secret, of which no hash may be seen, replaces it under the same name.

    It has no TTL, as a Job that disappears would run again at the next deployment. The old one is deleted first: only
    then does the engine also delete what is replaced with it before the new one runs.
    """
    template = _template(scope, workload)
    return Job(
        scope.name,
        metadata=scope.metadata(f"{workload.name}-{_digest([template, files])[:8]}"),
        spec=_job_spec(workload, template),
        opts=scope.options(
            depends_on=needs,
            wait_seconds=workload.ready_timeout_seconds + _JOB_GRACE_SECONDS,
            delete_before_replace=True,
            replacement_trigger=pulumi.Output.all(**secrets) if workload.follows_secrets else None,
        ),
    )


def _cron_job(scope: Scope, workload: Workload, schedule: Schedule, needs: Sequence[Need]) -> CronJob:
    """One run at a time: two would write to the same place."""
    spec: CronJobSpecArgsDict = {
        "schedule": schedule.cron,
        "time_zone": schedule.time_zone,
        "suspend": schedule.suspended,
        "concurrency_policy": "Forbid",
        # A run that was missed, as the control plane was down, is made up for within this time.
        "starting_deadline_seconds": _START_LATE_SECONDS,
        "successful_jobs_history_limit": _OLD_JOBS,
        "failed_jobs_history_limit": _OLD_JOBS,
        "job_template": {
            "metadata": {"labels": scope.labels},
            "spec": _job_spec(workload, _template(scope, workload)),
        },
    }
    return CronJob(scope.name, metadata=scope.metadata(workload.name), spec=spec, opts=scope.options(depends_on=needs))


def _job_spec(workload: Workload, template: PodTemplateSpecArgsDict) -> JobSpecArgsDict:
    spec: JobSpecArgsDict = {
        "backoff_limit": _JOB_RETRIES,
        "active_deadline_seconds": workload.ready_timeout_seconds,
        "template": template,
    }
    if workload.final_exit_codes:
        spec["pod_failure_policy"] = {
            "rules": [
                # A node that is drained says nothing about the job.
                {"action": "Ignore", "on_pod_conditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "on_exit_codes": {
                        "container_name": workload.container.name,
                        "operator": "In",
                        "values": list(workload.final_exit_codes),
                    },
                },
            ]
        }
    return spec


def _service(scope: Scope, workload: Workload) -> Service:
    """The workload's name within the namespace. Its readiness is that of the pods, which is awaited with them."""
    spec: ServiceSpecArgsDict = {
        "type": "ClusterIP",
        "selector": scope.selector,
        "ports": [
            {"name": port.name, "port": port.number, "target_port": port.number, "protocol": "TCP"}
            for port in workload.ports
        ],
    }
    if workload.replicas_connect:
        spec |= {"cluster_ip": "None", "publish_not_ready_addresses": True}
    return Service(
        scope.name,
        metadata=scope.metadata(workload.name, SKIP_AWAIT),
        spec=spec,
        opts=scope.options(),
    )


def _disruption_budget(scope: Scope, min_available: int) -> PodDisruptionBudget:
    return PodDisruptionBudget(
        scope.name,
        metadata=scope.metadata(scope.workload),
        spec={
            "min_available": min_available,
            "selector": {"match_labels": scope.selector},
            # A pod that never becomes ready must not keep a node from being drained.
            "unhealthy_pod_eviction_policy": "AlwaysAllow",
        },
        opts=scope.options(),
    )
