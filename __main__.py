"""The Pulumi program of every stack: settings -> plan -> ChatPlatform -> outputs."""

from __future__ import annotations

from pathlib import Path

import pulumi
from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG
from pydantic import SecretStr

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.containers.attempts import failed_before
from hearth.docker_host import check_host
from hearth.planning.stack import given_secrets, make_plan
from hearth.problems import ConfigurationError
from hearth.settings.loading import load_config


def args() -> ChatPlatformArgs:
    """What the stack's config asks for.

    Raises ConfigurationError when it cannot be deployed.
    """
    config = CONFIG.get()
    secret_keys = {key for key in config if is_config_secret(key)}
    loaded = load_config(config, pulumi.get_stack(), secret_keys, globals().get("directory", Path()))
    settings = loaded.settings
    if settings is None:
        raise ConfigurationError(loaded.problems, loaded.source)
    plan = make_plan(loaded)
    # A plan asks no engine, and a rehearsal brings its own.
    docker = None if globals().get("offline") else plan.docker
    if docker and not globals().get("rehearsed"):
        check_host(loaded, plan)
    redis = settings.web_ui.redis
    return ChatPlatformArgs(
        plan=plan,
        hugging_face_token=secret(settings.hugging_face.token),
        admin_password=secret(settings.web_ui.admin.password),
        redis_url=secret(redis.url if redis else None),
        database_url=secret(settings.web_ui.database.url),
        given_secrets={name: pulumi.Output.secret(value) for name, value in given_secrets(settings).items()},
        attempts=failed_before(docker.host, plan.stack) if docker else {},
    )


def secret(value: SecretStr | None) -> pulumi.Output[str] | None:
    return pulumi.Output.secret(value.get_secret_value()) if value else None


try:
    platform = ChatPlatform("chat", args())
except ConfigurationError as error:
    raise pulumi.RunError(str(error)) from None

pulumi.export("namespace", platform.namespace)
pulumi.export("url", platform.url)
pulumi.export("loadBalancerAddress", platform.load_balancer_address)
pulumi.export("endpoints", platform.endpoints)
pulumi.export("adminPassword", platform.admin_password)
