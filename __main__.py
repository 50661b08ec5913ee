"""The Pulumi program of every stack: settings -> plan -> ChatPlatform -> outputs."""

from __future__ import annotations

import pulumi
from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG
from pydantic import SecretStr

from components.platform import ChatPlatform, ChatPlatformArgs
from hearth.planning.stack import make_plan
from hearth.problems import ConfigurationError
from hearth.settings.loading import load_config


def args() -> ChatPlatformArgs:
    """What the stack's config asks for.

    Raises ConfigurationError when it cannot be deployed.
    """
    config = CONFIG.get()
    loaded = load_config(config, pulumi.get_stack(), {key for key in config if is_config_secret(key)})
    if loaded.settings is None:
        raise ConfigurationError(loaded.problems, loaded.source)
    return ChatPlatformArgs(
        plan=make_plan(loaded),
        hugging_face_token=secret(loaded.settings.hugging_face.token),
        admin_password=secret(loaded.settings.web_ui.admin.password),
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
