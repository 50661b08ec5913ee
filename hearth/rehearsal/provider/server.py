"""Serves providers to Pulumi's engine over gRPC, from threads of this process."""

# ruff: noqa: N802 - the methods' names are the protocol's

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent import futures
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from hearth.rehearsal.provider.contract import (
    Difference,
    InitializationError,
    Provider,
    ProviderError,
    ResourceRef,
    State,
)
from hearth.rehearsal.provider.diffing import Change, render
from hearth.rehearsal.provider.properties import from_struct, has_unknowns, to_struct

_THREADS = 512  # one for each resource in progress: most of them only wait for an object to become ready
_MESSAGE_BYTES = 400 * 1024 * 1024  # the engine's own limit (sdk/go/common/util/rpcutil)
_OPTIONS = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
_STOP_SECONDS = 5.0

_Result = TypeVar("_Result")


@contextmanager
def serve(*providers: Provider) -> Generator[str]:
    """Serves `providers` on free loopback ports; yields the value for `PULUMI_DEBUG_PROVIDERS`."""
    servers: list[grpc.Server] = []
    try:
        addresses: list[str] = []
        for provider in providers:
            server = grpc.server(futures.ThreadPoolExecutor(_THREADS, f"{provider.package}-provider"), options=_OPTIONS)
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(_Servicer(provider), server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            servers.append(server)
            addresses.append(f"{provider.package}:{port}")
        yield ",".join(addresses)
    finally:
        for provider in providers:
            provider.cancel()
        stopped: list[threading.Event] = [server.stop(_STOP_SECONDS) for server in servers]
        for event in stopped:
            event.wait(_STOP_SECONDS)
        for provider in providers:
            provider.close()


class _Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The engine's protocol on one side, a `Provider` on the other. Messages and contexts are untyped in the stubs."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Attach(self, request: Any, context: Any) -> Any:
        return Empty()

    def Handshake(self, request: Any, context: Any) -> Any:
        # Those who shake hands have to take secrets.
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Handshake is not implemented")

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = from_struct(request.old_inputs), from_struct(request.news)
        return _diff_response(_guard(context, lambda: self._provider.diff_config(old, new)))

    def Configure(self, request: Any, context: Any) -> Any:
        settings = from_struct(request.args)
        if not has_unknowns(settings):
            _guard(context, lambda: self._provider.configure(settings))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        ref, olds, news = ResourceRef(request.urn), from_struct(request.olds), from_struct(request.news)
        checked = _guard(context, lambda: self._provider.check(ref, olds, news, request.randomSeed))
        failures = [provider_pb2.CheckFailure(property=path, reason=reason) for path, reason in checked.failures]
        return provider_pb2.CheckResponse(inputs=to_struct(checked.inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        ref, old, news = ResourceRef(request.urn), _old_state(request, request.olds), from_struct(request.news)
        return _diff_response(_guard(context, lambda: self._provider.diff(ref, old, news)))

    def Create(self, request: Any, context: Any) -> Any:
        ref, inputs = ResourceRef(request.urn), from_struct(request.properties)
        state = _guard(context, lambda: self._provider.create(ref, inputs, request.timeout, request.preview))
        return provider_pb2.CreateResponse(id=state.id, properties=to_struct(state.outputs))

    def Update(self, request: Any, context: Any) -> Any:
        ref, old, news = ResourceRef(request.urn), _old_state(request, request.olds), from_struct(request.news)
        state = _guard(context, lambda: self._provider.update(ref, old, news, request.timeout, request.preview))
        return provider_pb2.UpdateResponse(properties=to_struct(state.outputs))

    def Read(self, request: Any, context: Any) -> Any:
        old = State(request.id, from_struct(request.properties), from_struct(request.inputs))
        state = _guard(context, lambda: self._provider.read(ResourceRef(request.urn), old))
        if state is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=state.id, properties=to_struct(state.outputs), inputs=to_struct(state.inputs)
        )

    def Delete(self, request: Any, context: Any) -> Any:
        ref, old = ResourceRef(request.urn), _old_state(request, request.properties)
        _guard(context, lambda: self._provider.delete(ref, old, request.timeout))
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        self._provider.cancel()
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        self._unsupported(context, "function", request.tok)

    def Call(self, request: Any, context: Any) -> Any:
        self._unsupported(context, "method", request.tok)

    def Construct(self, request: Any, context: Any) -> Any:
        self._unsupported(context, "component", request.type)

    def _unsupported(self, context: Any, what: str, token: str) -> NoReturn:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the rehearsal's {self._provider.package} provider has no {what} {token}: declare plain resources instead",
        )
        raise AssertionError  # abort does not return


def _old_state(request: Any, outputs: Any) -> State:
    return State(request.id, from_struct(outputs), from_struct(request.old_inputs))


def _guard(context: Any, operation: Callable[[], _Result]) -> _Result:
    """Runs `operation`; a `ProviderError` ends the call with its text, any other exception is a defect."""
    try:
        return operation()
    except InitializationError as error:
        details = provider_pb2.ErrorResourceInitFailed(
            id=error.state.id,
            properties=to_struct(error.state.outputs),
            inputs=to_struct(error.state.inputs),
            reasons=[error.reason],
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=error.reason)
        status.details.add().Pack(details)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, error.reason)
        raise
    except ProviderError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise


def _diff_response(difference: Difference) -> Any:
    if not difference.changes:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME,
        diffs=sorted({str(change.path[0]) for change in difference.changes}),
        replaces=[render(change.path) for change in difference.changes if change.replaces],
        deleteBeforeReplace=difference.delete_before_replace,
        hasDetailedDiff=True,
        detailedDiff={
            render(change.path): provider_pb2.PropertyDiff(kind=_diff_kind(change), inputDiff=True)
            for change in difference.changes
        },
    )


def _diff_kind(change: Change) -> Any:
    name = change.kind.upper() + ("_REPLACE" if change.replaces else "")
    return provider_pb2.PropertyDiff.Kind.Value(name)
