"""Fetches the Pulumi CLI of the SDK's own version: `python -m hearth.pulumi_cli DIRECTORY`."""

from __future__ import annotations

import subprocess
import sys

from pulumi.automation import PulumiCommand


def install(directory: str) -> None:
    """Install the CLI as `directory`/bin/pulumi, unless a usable one is there already.

    Ends the program with a message when Pulumi's site cannot be reached.
    """
    try:
        PulumiCommand.install(root=directory)
    except (OSError, subprocess.CalledProcessError) as error:
        output = error.output.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else ""
        sys.exit(
            f"The Pulumi CLI could not be fetched from get.pulumi.com: {output.strip() or error}\n"
            "Install it by hand (https://www.pulumi.com/docs/install) so that `pulumi` is on PATH, and try again."
        )


if __name__ == "__main__":
    install(sys.argv[1])
