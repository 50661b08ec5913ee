"""A resource monitor that records what a program registers and answers as providers would after an update."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any, TypeAlias

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret, wrap_rpc_secret

SecretPath: TypeAlias = tuple[str | int, ...]

TURN = "hearth:index:turn"
"""Token of an invoke that does nothing."""
_STACK = "pulumi:pulumi:Stack"
_GENERATED: Mapping[str, tuple[str, ...]] = {
    "docker:index/image:Image": ("repoDigest",),
    "docker:index/remoteImage:RemoteImage": ("imageId", "repoDigest"),
    "random:index/randomBytes:RandomBytes": ("base64", "hex"),
    "random:index/randomId:RandomId": ("hex", "dec", "b64Std", "b64Url"),
    "random:index/randomPassword:RandomPassword": ("result", "bcryptHash"),
    "random:index/randomString:RandomString": ("result",),
    "random:index/randomUuid:RandomUuid": ("result",),
}
"""What resources generate, by type; of passwords and bytes as secrets."""
ENDED: Mapping[str, int | str] = {"exitCode": 0, "containerLogs": ""}
"""What a container that ended well leaves."""
_GENERATED_SECRETS = {"random:index/randomBytes:RandomBytes", "random:index/randomPassword:RandomPassword"}
_ADDRESSED = {"kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:Ingress"}
_ADDRESS = "192.0.2.1"
"""What a load balancer hands out: an address for documentation (RFC 5737)."""


@dataclass(frozen=True)
class Timeouts:
    """How long the engine waits for a resource, as Go durations such as `600s`; empty: the provider's default."""

    create: str = ""
    update: str = ""
    delete: str = ""


@dataclass(frozen=True)
class Options:
    """Options of a resource as they reach the engine, those inherited from its parents included."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    deleted_with: str | None = None
    """URN of the resource whose deletion includes this one."""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replace_with: tuple[str, ...] = ()
    """URNs of the resources whose replacement replaces this one."""
    has_replacement_trigger: bool = False
    """Whether a value, which may be secret, replaces it when it changes."""
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """URNs, names or types that the resource had before."""
    import_id: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True)
class Resource:
    """One registered resource."""

    type: str
    """Token, such as kubernetes:apps/v1:Deployment."""
    name: str
    """Logical name."""
    urn: str
    custom: bool
    """Whether a provider manages it; False for components."""
    inputs: Mapping[str, Any]
    """Resolved inputs, secret values included."""
    secret_paths: tuple[SecretPath, ...]
    """Paths within `inputs` whose values are secret."""
    parent: str | None
    provider: str | None
    """Reference (URN::id) of an explicit provider."""
    dependencies: tuple[str, ...]
    """URNs, sorted: explicit ones and those that the inputs imply."""
    property_dependencies: Mapping[str, tuple[str, ...]]
    options: Options


@dataclass(frozen=True)
class Invoke:
    """One call of a provider's function."""

    token: str
    arguments: Mapping[str, Any]


class Recorder(MockMonitor):
    """Records requests as they arrive; every registration succeeds at once.

    A resource's outputs are its inputs, an id, and what its provider would generate: distinct markers, always the same
    for the same resource, secret where the provider's are.
    """

    def __init__(self) -> None:
        self.recorded: list[Resource] = []
        self.invokes: list[Invoke] = []
        self.outputs: Mapping[str, Any] = {}
        self.secret_outputs: tuple[SecretPath, ...] = ()
        self._options: dict[str, Options] = {}
        self._stack_urn = ""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN that the engine would give: types of all components above, without the stack's."""
        above = parent.split("::")[2] if parent else _STACK
        return super().make_urn("", type_ if above == _STACK else f"{above}${type_}", name)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            self._stack_urn = urn
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self._options:
            raise ValueError(f"two resources have the same type and name: {urn}")
        options = _options(request, self._options.get(request.parent, Options()))
        self._options[urn] = options
        resource = _resource(urn, request, options)
        self.recorded.append(resource)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=_identity(resource), object=_generated(resource))

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        if request.urn == self._stack_urn:
            self.outputs, self.secret_outputs = _decode(request.outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        urn = self.make_urn(request.parent, request.type, request.name)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=request.properties)

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        if request.tok != TURN:
            self.invokes.append(Invoke(request.tok, _decode(request.args)[0]))
        return resource_pb2.ResourceInvokeResponse()


def _resource(urn: str, request: Any, options: Options) -> Resource:
    inputs, secret_paths = _decode(request.object)
    return Resource(
        type=request.type,
        name=request.name,
        urn=urn,
        custom=request.custom,
        inputs=inputs,
        secret_paths=secret_paths,
        parent=request.parent or None,
        provider=request.provider or None,
        dependencies=_urns(request.dependencies),
        property_dependencies={
            intern(key): _urns(found.urns) for key, found in request.propertyDependencies.items() if found.urns
        },
        options=options,
    )


def _urns(urns: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(intern, urns)))


def _options(request: Any, inherited: Options) -> Options:
    """Options of a request; protect, retainOnDelete and deletedWith come from the parent where they are left out.

    That is what the engine's resource monitor does (pulumi, pkg/resource/deploy/source_eval.go, inheritFromParent).
    """
    timeouts = request.customTimeouts
    return Options(
        protect=request.protect if request.HasField("protect") else inherited.protect,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else inherited.retain_on_delete,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        deleted_with=request.deletedWith or inherited.deleted_with,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        replace_with=tuple(request.replace_with),
        has_replacement_trigger=request.HasField("replacement_trigger"),
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        aliases=tuple(alias.urn or alias.spec.name or alias.spec.type for alias in request.aliases),
        import_id=request.importId or None,
        timeouts=Timeouts(timeouts.create, timeouts.update, timeouts.delete),
    )


def _identity(resource: Resource) -> str:
    """The id that a provider would give: namespace/name for Kubernetes objects, the logical name for all else."""
    if not resource.custom:
        return ""
    metadata: Mapping[str, str] = resource.inputs.get("metadata", {})
    name = metadata.get("name", resource.name)
    return f"{metadata['namespace']}/{name}" if "namespace" in metadata else name


def _generated(resource: Resource) -> struct_pb2.Struct:
    """Outputs that are not inputs."""
    outputs = struct_pb2.Struct()
    if resource.type in _ADDRESSED:
        outputs["status"] = {"loadBalancer": {"ingress": [{"ip": _ADDRESS}]}}
    if resource.inputs.get("attach") and resource.type == "docker:index/container:Container":
        outputs.update(ENDED)
    for output in _GENERATED.get(resource.type, ()):
        value = marker(resource.urn, output)
        outputs[output] = wrap_rpc_secret(value) if resource.type in _GENERATED_SECRETS else value
    return outputs


def marker(urn: str, output: str) -> str:
    """What stands for a value that the provider of a resource would generate."""
    return f"generated-{hashlib.sha256(f'{urn}#{output}'.encode()).hexdigest()[:24]}"


def _decode(struct: struct_pb2.Struct) -> tuple[Mapping[str, Any], tuple[SecretPath, ...]]:
    """Plain values of a property bag, and where secrets were unwrapped.

    Equal texts are shared: resources of one kind have most of theirs in common.
    """
    secret_paths: list[SecretPath] = []

    def decode(value: Any, path: SecretPath) -> Any:
        match value.WhichOneof("kind"):
            case "struct_value":
                plain = {intern(key): decode(item, (*path, key)) for key, item in value.struct_value.fields.items()}
                if not is_rpc_secret(plain):
                    return plain
                secret_paths.append(path)
                return unwrap_rpc_secret(plain)
            case "list_value":
                return [decode(item, (*path, index)) for index, item in enumerate(value.list_value.values)]
            case "string_value":
                return intern(value.string_value)
            case "number_value":
                number = value.number_value
                return int(number) if number.is_integer() else number
            case "bool_value":
                return value.bool_value
            case _:
                return None

    values = {intern(key): decode(item, (key,)) for key, item in struct.fields.items()}
    return values, tuple(secret_paths)
