"""Inputs of `docker:index/container:Container` in the words of the engine's API, as the official provider has them."""

from __future__ import annotations

import base64
import io
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hearth.rehearsal.provider.contract import ProviderError
from hearth.rehearsal.provider.properties import JsonObject, is_list

_MIB = 1024 * 1024
_NANOSECONDS = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)")

CHANGED_IN_PLACE = frozenset(
    {"cpuSet", "cpuShares", "maxRetryCount", "memory", "memoryReservation", "memorySwap", "restart"}
)
"""Inputs that the engine can change of a container that exists."""

# Inputs that replace nothing (resource_docker_container.go of terraform-provider-docker 4.5), though most of them
# only count when a container is made.
KEPT = CHANGED_IN_PLACE | {
    "attach",
    "containerReadRefreshTimeoutMilliseconds",
    "cpuPeriod",
    "cpuQuota",
    "destroyGraceSeconds",
    "healthcheck",
    "init",
    "logs",
    "mustRun",
    "removeVolumes",
    "rm",
    "start",
    "tmpfs",
    "wait",
    "waitTimeout",
}

_CONFIG = {
    "command": "Cmd",
    "domainname": "Domainname",
    "entrypoints": "Entrypoint",
    "envs": "Env",
    "hostname": "Hostname",
    "image": "Image",
    "stdinOpen": "OpenStdin",
    "stopSignal": "StopSignal",
    "stopTimeout": "StopTimeout",
    "tty": "Tty",
    "user": "User",
    "workingDir": "WorkingDir",
}
_HOST = {
    "cgroupParent": "CgroupParent",
    "cgroupnsMode": "CgroupnsMode",
    "cpuPeriod": "CpuPeriod",
    "cpuQuota": "CpuQuota",
    "cpuSet": "CpusetCpus",
    "cpuShares": "CpuShares",
    "dns": "Dns",
    "dnsOpts": "DnsOptions",
    "dnsSearches": "DnsSearch",
    "groupAdds": "GroupAdd",
    "init": "Init",
    "ipcMode": "IpcMode",
    "networkMode": "NetworkMode",
    "pidMode": "PidMode",
    "privileged": "Privileged",
    "publishAllPorts": "PublishAllPorts",
    "readOnly": "ReadonlyRootfs",
    "rm": "AutoRemove",
    "runtime": "Runtime",
    "securityOpts": "SecurityOpt",
    "storageOpts": "StorageOpt",
    "sysctls": "Sysctls",
    "tmpfs": "Tmpfs",
    "usernsMode": "UsernsMode",
}
_IN_MIB = {
    "memory": "Memory",
    "memoryReservation": "MemoryReservation",
    "memorySwap": "MemorySwap",
    "shmSize": "ShmSize",
}
_STRUCTURED = frozenset(
    {
        "capabilities", "cpus", "deviceRequests", "gpus", "hosts", "labels", "logDriver", "logOpts", "mounts", "name",
        "networksAdvanced", "ports", "ulimits", "uploads", "volumes",
    }
)  # fmt: skip
_KNOWN = KEPT | _STRUCTURED | set(_CONFIG) | set(_HOST) | set(_IN_MIB)


def problems(inputs: JsonObject) -> tuple[tuple[str, str], ...]:
    """What the official provider refuses, and what this one does not know, as (property, reason)."""
    found = [(key, "the rehearsal's docker provider does not have this input") for key in sorted(set(inputs) - _KNOWN)]
    command = inputs.get("command")
    if is_list(command) and "" in command:
        found.append(("command", "values for command may not be empty"))
    return tuple(found)


def configuration(inputs: JsonObject, *, devices: bool) -> JsonObject:
    """The body of the API's container creation; without `devices` the container gets no GPU whatever it asks for."""
    body: JsonObject = {_CONFIG[key]: value for key, value in inputs.items() if key in _CONFIG}
    body["Labels"] = {item["label"]: item["value"] for item in inputs.get("labels", ())}
    body["ExposedPorts"] = {_port(item): {} for item in inputs.get("ports", ())}
    volumes = inputs.get("volumes", ())
    body["Volumes"] = {item["containerPath"]: {} for item in volumes if not item.keys() & {"hostPath", "volumeName"}}
    if check := inputs.get("healthcheck"):
        body["Healthcheck"] = _healthcheck(check)
    return {**body, "HostConfig": _host_config(inputs, devices=devices)}


def changes_in_place(inputs: JsonObject) -> dict[str, Any]:
    """Arguments of the engine's container update, as the Docker SDK names them."""
    sizes = {"mem_limit": "memory", "mem_reservation": "memoryReservation", "memswap_limit": "memorySwap"}
    return {
        "cpu_shares": inputs.get("cpuShares"),
        "cpuset_cpus": inputs.get("cpuSet"),
        **{name: inputs[key] * _MIB for name, key in sizes.items() if key in inputs},
        "restart_policy": _restart(inputs),
    }


def archive(uploads: Iterable[JsonObject]) -> bytes:
    """Files for a container, as a tar archive to be unpacked at its root. Raises ProviderError."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archived:
        for upload in uploads:
            content = _content(upload)
            entry = tarfile.TarInfo(upload["file"])
            entry.size = len(content)
            entry.mode = int(upload["permissions"], 8) if "permissions" in upload else _mode(upload)
            entry.uid, entry.gid = int(upload.get("owner", 0)), int(upload.get("group", 0))
            archived.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _mode(upload: JsonObject) -> int:
    return 0o744 if upload.get("executable") else 0o644


def _content(upload: JsonObject) -> bytes:
    given = [key for key in ("content", "contentBase64", "source") if upload.get(key)]
    match given:
        case ["content"]:
            return str(upload["content"]).encode()
        case ["contentBase64"]:
            return base64.b64decode(upload["contentBase64"])
        case ["source"]:
            return Path(upload["source"]).read_bytes()
        case _:
            raise ProviderError(
                f"upload of {upload['file']}: exactly one of content, contentBase64, source must be set"
            )


def _host_config(inputs: JsonObject, *, devices: bool) -> JsonObject:
    volumes = inputs.get("volumes", ())
    logs = {"Type": inputs.get("logDriver", ""), "Config": inputs.get("logOpts", {})}
    host: JsonObject = {
        "NetworkMode": "bridge",
        "Init": False,
        **{_HOST[key]: value for key, value in inputs.items() if key in _HOST},
        **{_IN_MIB[key]: value * _MIB if value > 0 else value for key, value in inputs.items() if key in _IN_MIB},
        "RestartPolicy": _restart(inputs),
        "LogConfig": logs,
        "PortBindings": _bindings(inputs.get("ports", ())),
        "Binds": [_bind(item) for item in volumes if item.keys() & {"hostPath", "volumeName"}],
        "VolumesFrom": [item["fromContainer"] for item in volumes if "fromContainer" in item],
        "Mounts": [_mount(item) for item in inputs.get("mounts", ())],
        "ExtraHosts": [f"{item['host']}:{item['ip']}" for item in inputs.get("hosts", ())],
        "Ulimits": [{key.capitalize(): value for key, value in item.items()} for item in inputs.get("ulimits", ())],
        "CapAdd": inputs.get("capabilities", {}).get("adds", []),
        "CapDrop": inputs.get("capabilities", {}).get("drops", []),
    }
    if "cpus" in inputs:
        host["NanoCpus"] = int(float(inputs["cpus"]) * 10**9)
    if devices:
        host["DeviceRequests"] = [*_device_requests(inputs)]
    return host


def _restart(inputs: JsonObject) -> JsonObject:
    return {"Name": inputs.get("restart", "no"), "MaximumRetryCount": inputs.get("maxRetryCount", 0)}


def _port(item: JsonObject) -> str:
    return f"{item['internal']}/{item.get('protocol', 'tcp')}"


def _bindings(ports: Iterable[JsonObject]) -> Mapping[str, list[JsonObject]]:
    bindings: dict[str, list[JsonObject]] = {}
    for item in ports:
        address = {"HostIp": item.get("ip", "0.0.0.0"), "HostPort": str(item.get("external", ""))}  # noqa: S104
        bindings.setdefault(_port(item), []).append(address)
    return bindings


def _bind(item: JsonObject) -> str:
    source = item.get("hostPath") or item["volumeName"]
    return f"{source}:{item['containerPath']}:{'ro' if item.get('readOnly') else 'rw'}"


def _mount(item: JsonObject) -> JsonObject:
    mount: JsonObject = {
        "Type": item["type"],
        "Source": item.get("source", ""),
        "Target": item["target"],
        "ReadOnly": item.get("readOnly", False),
    }
    if options := item.get("bindOptions"):
        mount["BindOptions"] = {"Propagation": options.get("propagation", "")}
    if options := item.get("volumeOptions"):
        mount["VolumeOptions"] = {
            "NoCopy": options.get("noCopy", False),
            "Labels": {label["label"]: label["value"] for label in options.get("labels", ())},
            "DriverConfig": {"Name": options.get("driverName", ""), "Options": options.get("driverOptions", {})},
        }
    if options := item.get("tmpfsOptions"):
        mount["TmpfsOptions"] = {"SizeBytes": options.get("sizeBytes", 0), "Mode": options.get("mode", 0)}
    return mount


def _device_requests(inputs: JsonObject) -> Iterable[JsonObject]:
    for item in inputs.get("deviceRequests", ()):
        yield {
            "Driver": item.get("driver", ""),
            "Count": item.get("count", 0),
            "DeviceIDs": item.get("deviceIds", []),
            "Capabilities": [list(item.get("capabilities", ()))],
            "Options": item.get("options", {}),
        }
    if gpus := inputs.get("gpus"):
        key, _, ids = gpus.rpartition("=")
        chosen: JsonObject = {"DeviceIDs": ids.split(",")} if key else {"Count": -1 if gpus == "all" else int(gpus)}
        yield {**chosen, "Capabilities": [["gpu"]]}


def _healthcheck(check: JsonObject) -> JsonObject:
    durations = {"interval": "Interval", "timeout": "Timeout", "startPeriod": "StartPeriod"}
    return {
        "Test": check["tests"],
        "Retries": check.get("retries", 0),
        **{name: _nanoseconds(check[key]) for key, name in durations.items() if key in check},
    }


def _nanoseconds(duration: str) -> int:
    """Of Go's notation, such as 1m30s; what is none counts as 0, as in the official provider."""
    return int(sum(float(number) * _NANOSECONDS[unit] for number, unit in _DURATION.findall(duration)))
