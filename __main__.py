"""The Pulumi program of every stack: settings -> plan -> ChatPlatform -> outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG
from pydantic import SecretStr

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.planning import backup
from hearth.planning.stack import make_plan
from hearth.planning.web_ui_env import given_secrets
from hearth.problems import ConfigurationError
from hearth.settings.loading import load_config
from hearth.settings.stores import Database, Redis


def args() -> ChatPlatformArgs:
    """What the stack's config asks for.

    Raises ConfigurationError when it cannot be deployed.
    """
    config = CONFIG.get()
    secret_keys = {key for key in config if is_config_secret(key)}
    loaded = load_config(config, pulumi.get_stack(), secret_keys, globals().get("directory", Path()))
    if loaded.settings is None:
        raise ConfigurationError(loaded.problems, loaded.source)
    return ChatPlatformArgs(
        plan=make_plan(loaded),
        hugging_face_token=secret(loaded.settings.hugging_face.token),
        admin_password=secret(loaded.settings.web_ui.admin.password),
        redis_url=secret(url_of(loaded.settings.web_ui.redis)),
        database_url=secret(url_of(loaded.settings.web_ui.database)),
        web_ui_secrets=secrets(given_secrets(loaded.settings.web_ui)),
        backup_secrets=secrets(backup.given_secrets(loaded.settings.backup)),
    )


def secrets(values: Mapping[str, str]) -> dict[str, pulumi.Output[str]]:
    return {name: pulumi.Output.secret(value) for name, value in values.items()}


def url_of(store: Redis | Database | None) -> SecretStr | None:
    """Of an external server."""
    return store.external.url if store and store.external else None


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
