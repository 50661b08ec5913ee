"""The Pulumi CLI and its plugins: those of this machine, or the CLI fetched by the SDK's own installer.

`python -m hearth.pulumi_cli DIRECTORY` fetches it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from hearth.errors import UserError


def installed_cli(oldest: str) -> Path | None:
    """The Pulumi CLI on PATH, if it is at least the version `oldest` (such as v3.246.0)."""
    found = shutil.which("pulumi")
    if found is None:
        return None
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run([found, "version"], env=environment, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(found) if answer.returncode == 0 and _numbers(answer.stdout) >= _numbers(oldest) else None


def fetch(directory: Path) -> Path:
    """The CLI of the SDK's own version as `directory`/bin/pulumi, fetched unless a usable one is there already.

    Raises UserError when Pulumi's site cannot be reached.
    """
    from pulumi.automation import PulumiCommand

    try:
        return Path(PulumiCommand.install(root=str(directory)).command)
    except (OSError, subprocess.CalledProcessError) as error:
        output = error.output.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else ""
        raise UserError(
            f"The Pulumi CLI could not be fetched from get.pulumi.com: {output.strip() or error}\n"
            "Install it by hand (https://www.pulumi.com/docs/install) so that `pulumi` is on PATH, and try again."
        ) from None


def pulumi_home() -> Path:
    """Where Pulumi keeps its plugins for this user: `$PULUMI_HOME`, by default ~/.pulumi."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def official_plugin(name: str) -> Path | None:
    """The newest installed plugin of a provider, `resource-<name>-v<version>` in Pulumi's plugin directory."""
    found = [path for path in pulumi_home().glob(f"plugins/resource-{name}-v*") if path.is_dir()]
    return max(found, key=lambda plugin: _numbers(plugin.name.rsplit("-v", 1)[-1]), default=None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


if __name__ == "__main__":
    try:
        fetch(Path(sys.argv[1]).absolute())
    except UserError as error:
        sys.exit(str(error))
