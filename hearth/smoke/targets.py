"""What of a stack is asked, and at which addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from hearth.engines.sglang import KEY_FILE
from hearth.errors import UserError
from hearth.planning.host import DockerPlan
from hearth.planning.plan import ModelPlan, Plan
from hearth.planning.pools import OLLAMA
from hearth.planning.web_ui_wiring import wire
from hearth.settings.web_ui import WebUi
from hearth.smoke.translation import Dialect, dialect_of
from hearth.workload import SECRET_FILES, Workload

WEB_UI_PATH = "/api"
"""Where Open WebUI answers as OpenAI's API does."""
_KEY_OF_WEB_UI = (
    "set HEARTH_ADMIN_PASSWORD to what `pulumi stack output --show-secrets adminPassword` prints, or give an API key "
    "of Open WebUI"
)


class NoTargetError(UserError):
    """There is no address to ask, or none of the stack's models goes by a name."""


@dataclass(frozen=True)
class Subject:
    """A model by the name that requests choose it by, and what it is asked."""

    name: str
    chats: bool = True
    """False for one that embeds or transcribes: it is only looked for."""
    tools: bool = False
    reasoning: bool = False
    translation: Dialect | None = None
    """A model for translation is asked for nothing else."""


@dataclass(frozen=True)
class Target:
    """One server of OpenAI's API, and the models that it should have."""

    base_url: str
    subjects: tuple[Subject, ...]
    key: str
    """How to get its API key: a command or advice; empty where it takes none."""

    @property
    def is_web_ui(self) -> bool:
        return self.base_url.endswith(WEB_UI_PATH)


@dataclass(frozen=True)
class _Server:
    """A server of models within the stack."""

    workload: Workload
    subjects: tuple[Subject, ...]


def targets(plan: Plan, web_ui: WebUi, base_url: str | None, model: str | None) -> tuple[Target, ...]:
    """Servers to ask: the one at `base_url`, else those that a Docker host publishes, the web UI for the rest.

    `model` leaves out all others. Raises NoTargetError when nothing is left.
    """
    servers = _chosen(_servers(plan, web_ui), model)
    if base_url:
        subjects = tuple(subject for server in servers for subject in server.subjects)
        return (Target(base_url.rstrip("/"), subjects, _key_at(plan, servers, base_url)),)
    if plan.docker is None:
        raise NoTargetError(_forwarding(plan, servers[0]))
    return tuple(_published(plan, plan.docker, servers))


def _servers(plan: Plan, web_ui: WebUi) -> Iterator[_Server]:
    chat = wire(web_ui, plan.models, plan.ollama, plan.services).chat
    for model in plan.models:
        yield _Server(model.server, tuple(_subjects(model, model in chat)))
    if plan.ollama:
        tags = (Subject(tag, tag != web_ui.embedding_model, translation=dialect_of(tag)) for tag in plan.ollama.models)
        yield _Server(plan.ollama.server, tuple(tags))


def _subjects(model: ModelPlan, chats: bool) -> Iterator[Subject]:
    args = model.server.container.args
    for name in (model.served_name, *model.adapters):
        yield Subject(
            name,
            chats,
            tools=_has(args, "--tool-call-parser"),
            reasoning=_has(args, "--reasoning-parser"),
            translation=dialect_of(model.source),
        )


def _has(args: Sequence[str], flag: str) -> bool:
    return any(arg == flag or arg.startswith(f"{flag}=") for arg in args)


def _chosen(servers: Iterator[_Server], model: str | None) -> list[_Server]:
    every = list(servers)
    if model is None:
        found = every
    else:
        found = [_Server(s.workload, tuple(m for m in s.subjects if m.name == model)) for s in every]
        found = [server for server in found if server.subjects]
    if not found:
        names = ", ".join(subject.name for server in every for subject in server.subjects) or "no model at all"
        raise NoTargetError(f"--model {model}: is no model of this stack, which has {names}")
    return found


def _published(plan: Plan, docker: DockerPlan, servers: Sequence[_Server]) -> Iterator[Target]:
    host, ports = _host(docker), docker.ports
    inside: list[_Server] = []
    for server in servers:
        if port := ports.get(server.workload.name):
            yield Target(f"http://{host}:{port}/v1", server.subjects, _key(plan, server.workload))
        else:
            inside.append(server)
    web_ui = plan.web_ui.server.name
    # What only embeds or transcribes is no model of the web UI's.
    subjects = tuple(subject for server in inside for subject in server.subjects if subject.chats)
    if subjects and web_ui in ports:
        yield Target(f"http://{host}:{ports[web_ui]}{WEB_UI_PATH}", subjects, _KEY_OF_WEB_UI)
    elif inside:
        names = ", ".join(server.workload.name for server in inside)
        raise NoTargetError(
            f"stack {plan.stack} publishes neither the web UI nor {names}: publish them in hearth:docker.publish, or "
            "give --base-url"
        )


def _host(docker: DockerPlan) -> str:
    """An address of the host that connections can be made to."""
    address = ip_address(docker.address)
    if address.is_unspecified:
        return "[::1]" if address.version == 6 else "127.0.0.1"
    return f"[{address}]" if address.version == 6 else str(address)


def _key_at(plan: Plan, servers: Sequence[_Server], base_url: str) -> str:
    if base_url.rstrip("/").endswith(WEB_UI_PATH):
        return _KEY_OF_WEB_UI
    return _key(plan, servers[0].workload) if len(servers) == 1 else "name the one model of this address with --model"


def _key(plan: Plan, workload: Workload) -> str:
    """A command that prints the key of a model's server."""
    if workload.name == OLLAMA:
        return ""
    name, variables = workload.name, workload.container.secret_env
    read = f"printenv {variables[0]}" if variables else f"cat {SECRET_FILES}/{KEY_FILE}"
    if plan.docker:
        return f"docker exec {plan.namespace}-{name} {read}"
    return f"{_kubectl(plan)} exec deployment/{name} -- {read}"


def _forwarding(plan: Plan, server: _Server) -> str:
    name, port, model = server.workload.name, server.workload.ports[0].number, server.subjects[0].name
    return (
        f"stack {plan.stack} runs in a cluster: give --base-url, an address that this machine reaches. For one model:\n"
        f"  {_kubectl(plan)} port-forward service/{name} {port}:{port}\n"
        f"  python -m hearth smoke -s {plan.stack} --model {model} --base-url http://127.0.0.1:{port}/v1"
        f" --api-key KEY\n"
        f"For all of them through the web UI: --base-url {plan.web_ui.url or 'http://ADDRESS'}{WEB_UI_PATH}"
    )


def _kubectl(plan: Plan) -> str:
    cluster = plan.cluster
    options = [("kubeconfig", cluster.kubeconfig), ("context", cluster.context), ("namespace", plan.namespace)]
    return " ".join(["kubectl", *(f"--{name} {value}" for name, value in options if value)])
