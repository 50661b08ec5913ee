"""Redis, Valkey and Dragonfly: one server, or three of which Sentinels choose the master."""

from __future__ import annotations

from hearth.planning.plan import StorePlan
from hearth.planning.scripts import SCRIPTS, script
from hearth.planning.stores.client import REDIS_SECRETS, redis_variables, sentinel_variables
from hearth.planning.stores.probes import START_SECONDS, command_probes
from hearth.settings.stores import Redis
from hearth.workload import (
    SECRET_FILES,
    Claim,
    ClaimVolume,
    CommandProbe,
    Container,
    FilesVolume,
    Mount,
    Peer,
    Port,
    Resources,
    Scheduling,
    ScratchVolume,
    SecretFilesVolume,
    Security,
    Workload,
)

NAME = "redis"
PORT = 6379
SENTINEL_PORT = 26379
MASTER = "mymaster"
"""Name of the service that the Sentinels watch; Open WebUI has it where other URLs have a host."""
NODES = 3
"""Fewer cannot agree on a new master."""

_QUORUM = 2
_DOWN_SECONDS = 5
_FAILOVER_SECONDS = 10
_CONFIG = "/etc/hearth"
_PASSWORD = "REDISCLI_AUTH"  # noqa: S105 - the variable that redis-cli reads it from
_DRAGONFLY_PASSWORD = "DFLY_requirepass"  # noqa: S105
_DRAGONFLY_THREADS = 2
"""Dragonfly refuses to start with less than 256 MiB a thread."""
_USER = Security(user=999, group=1000)


def plan_server(
    wanted: Redis, *, image: str, storage_class: str, callers: tuple[str, ...], time_zone: str
) -> StorePlan:
    """A server that keeps its data and never evicts: sessions are not a cache."""
    claim = Claim("redis-data", wanted.volume_gib, storage_class, shared=False)
    dragonfly = wanted.engine == "dragonfly"
    server = Workload(
        name=NAME,
        kind="statefulset",
        tier="redis",
        container=(_dragonfly if dragonfly else _single)(wanted, image, claim, time_zone),
        security=Security(user=999, group=999) if dragonfly else _USER,
        ports=(Port("redis", PORT),),
        claims=(claim,),
        probes=command_probes(_dragonfly_ready() if dragonfly else _answers(wanted, "PONG")),
        callers=callers,
        ready_timeout_seconds=START_SECONDS + 60,
    )
    return StorePlan(
        wanted.engine,
        address=f"{NAME}:{PORT}",
        servers=(server,),
        env=redis_variables(),
        secret_env=REDIS_SECRETS,
        peers=(Peer(NAME, PORT),),
    )


def plan_sentinel(
    wanted: Redis, *, image: str, storage_class: str, callers: tuple[str, ...], time_zone: str
) -> StorePlan:
    """Three pods, each with a data node and a Sentinel, on different nodes.

    A node that lost its role, its volume or its machine asks the Sentinels for the master before it starts.
    """
    claim = Claim("redis-data", wanted.volume_gib, storage_class, shared=False, for_each_replica=True)
    hosts = tuple(f"{NAME}-{index}.{NAME}" for index in range(NODES))
    env = {
        "TZ": time_zone,
        "ENGINE": wanted.engine,
        "NODES": " ".join(hosts),
        "MASTER": MASTER,
        "PORT": str(PORT),
        "SENTINEL_PORT": str(SENTINEL_PORT),
        "QUORUM": str(_QUORUM),
    }
    data, scratch = Mount("/data", ClaimVolume(claim.name)), Mount("/tmp", ScratchVolume(size_gib=0.125))
    start = Mount(SCRIPTS, FilesVolume({"start_redis.sh": script("start_redis.sh")}), read_only=True)
    server = Workload(
        name=NAME,
        kind="statefulset",
        tier="redis",
        container=Container(
            name=wanted.engine,
            image=image,
            resources=Resources(cpus=0.25, memory_gib=wanted.memory_gib),
            command=("sh", f"{SCRIPTS}/start_redis.sh", "node"),
            env=env,
            secret_env=(_PASSWORD,),
            mounts=(start, _config("server.conf", [*_server_config(wanted), *_replication()]), data, scratch),
        ),
        beside=(
            Container(
                name="sentinel",
                image=image,
                resources=Resources(cpus=0.1, memory_gib=0.125, scratch_gib=0.25),
                command=("sh", f"{SCRIPTS}/start_redis.sh", "sentinel"),
                env=env,
                secret_env=(_PASSWORD,),
                mounts=(start, _config("sentinel.conf", _sentinel_config()), data, scratch),
                probes=command_probes(
                    _can_fail_over(wanted), _answers(wanted, "PONG", SENTINEL_PORT), dead_seconds=30
                ),
            ),
        ),
        security=_USER,
        replicas=NODES,
        ports=(Port("redis", PORT), Port("sentinel", SENTINEL_PORT)),
        claims=(claim,),
        # A master that hangs is only replaced for good once it is ended: its connections stay open.
        probes=command_probes(_in_sync(wanted), _answers(wanted, "PONG|LOADING|MASTERDOWN"), dead_seconds=30),
        scheduling=Scheduling(spread=True, even=True),
        callers=callers,
        replicas_connect=True,
        min_available=NODES - 1,
        ready_timeout_seconds=START_SECONDS * 2,
    )
    return StorePlan(
        wanted.engine,
        address=f"{MASTER}:{PORT}",
        servers=(server,),
        env={**redis_variables(), **sentinel_variables(hosts, SENTINEL_PORT)},
        secret_env=REDIS_SECRETS,
        peers=(Peer(NAME, PORT), Peer(NAME, SENTINEL_PORT)),
    )


def _single(wanted: Redis, image: str, claim: Claim, time_zone: str) -> Container:
    return Container(
        name=wanted.engine,
        image=image,
        resources=Resources(cpus=0.25, memory_gib=wanted.memory_gib),
        command=(f"{wanted.engine}-server", f"{_CONFIG}/server.conf"),
        env={"TZ": time_zone},
        secret_env=(_PASSWORD,),
        mounts=(
            _config("server.conf", [f"include {SECRET_FILES}/auth.conf", *_server_config(wanted)]),
            Mount(SECRET_FILES, SecretFilesVolume(("auth.conf",)), read_only=True),
            Mount("/data", ClaimVolume(claim.name)),
            Mount("/tmp", ScratchVolume(size_gib=0.125)),
        ),
    )


def _dragonfly(wanted: Redis, image: str, claim: Claim, time_zone: str) -> Container:
    """Its data outlives a restart as of the last snapshot: it has no append-only file."""
    return Container(
        name="dragonfly",
        image=image,
        resources=Resources(cpus=0.5, memory_gib=wanted.memory_gib),
        command=("dragonfly",),
        args=(
            "--logtostderr",
            "--bind=0.0.0.0",
            f"--port={PORT}",
            "--dir=/data",
            "--dbfilename=dump",
            "--snapshot_cron=*/5 * * * *",
            f"--maxmemory={wanted.memory_gib * 768}mb",
            f"--proactor_threads={_DRAGONFLY_THREADS}",
            # Runtimes forbid io_uring in their default seccomp profile.
            "--force_epoll",
            # It asks its maker for newer versions otherwise.
            "--version_check=false",
        ),
        env={"TZ": time_zone},
        secret_env=(_DRAGONFLY_PASSWORD, _PASSWORD),
        mounts=(Mount("/data", ClaimVolume(claim.name)), Mount("/tmp", ScratchVolume(size_gib=0.125))),
    )


def _config(name: str, lines: list[str]) -> Mount:
    return Mount(_CONFIG, FilesVolume({name: "\n".join([*lines, ""])}), read_only=True)


def _server_config(wanted: Redis) -> list[str]:
    """Limits on clients and idle time are those that Open WebUI's documentation advises."""
    share = wanted.memory_gib * 128
    return [
        "bind * -::*",
        f"port {PORT}",
        "dir /data",
        "appendonly yes",
        f"maxmemory {wanted.memory_gib * 768}mb",
        "maxmemory-policy noeviction",
        # A worker that falls behind for a moment keeps its subscription.
        f"client-output-buffer-limit pubsub {share}mb {share // 2}mb 60",
        "maxclients 10000",
        "timeout 1800",
    ]


def _replication() -> list[str]:
    """A master that lost both replicas takes no writes, as they would be gone once another one is chosen."""
    return ["min-replicas-to-write 1", "min-replicas-max-lag 10"]


def _sentinel_config() -> list[str]:
    return [
        "bind * -::*",
        f"port {SENTINEL_PORT}",
        "dir /tmp",
        "sentinel resolve-hostnames yes",
        "sentinel announce-hostnames yes",
        f"sentinel down-after-milliseconds {MASTER} {_DOWN_SECONDS * 1000}",
        f"sentinel failover-timeout {MASTER} {_FAILOVER_SECONDS * 1000}",
        f"sentinel parallel-syncs {MASTER} 1",
    ]


def _answers(wanted: Redis, answer: str, port: int = PORT) -> CommandProbe:
    return CommandProbe(("sh", "-c", f"{wanted.engine}-cli -p {port} ping | grep -qE '{answer}'"))


def _in_sync(wanted: Redis) -> CommandProbe:
    """Masters, and replicas that have all of their master's data: a rollout then never ends the last copy."""
    info = f"{wanted.engine}-cli -p {PORT} info replication"
    return CommandProbe(("sh", "-c", f"{info} | grep -qE '^(role:master|master_link_status:up)'"))


def _can_fail_over(wanted: Redis) -> CommandProbe:
    """It knows all others, about ten seconds after the start: one that it does not know is neither chosen nor told."""
    info = f"{wanted.engine}-cli -p {SENTINEL_PORT} info sentinel"
    known = f"slaves=[{NODES - 1}-9],sentinels=[{NODES}-9]"
    return CommandProbe(("sh", "-c", f"{info} | grep -q 'name={MASTER},.*{known}'"))


def _dragonfly_ready() -> CommandProbe:
    """It answers pings while it still loads its snapshot."""
    return CommandProbe(("sh", "-c", f"redis-cli -p {PORT} info persistence | grep -q '^loading:0'"))
