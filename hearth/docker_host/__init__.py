"""The Docker host as it is, against what a stack needs of it: asked before anything is created."""

from __future__ import annotations

from hearth.planning.plan import Plan
from hearth.problems import ConfigurationError, Problem
from hearth.settings.loading import LoadedStack


def check_host(loaded: LoadedStack, plan: Plan) -> None:
    """Nothing for other targets, and for an engine behind ssh, which is not asked.

    Raises ConfigurationError with everything that keeps the stack from running on its host.
    """
    if plan.docker is None:
        return
    # Only here is the Docker library needed, which takes a while to import.
    from hearth.docker_host.checks import find_problems
    from hearth.docker_host.reader import UnusableEngineError, read

    try:
        facts = read(plan.docker)
        problems = list(find_problems(plan, facts)) if facts else []
    except UnusableEngineError as trouble:
        problems = [Problem(("docker", "host"), trouble.host, trouble.why, trouble.remedy)]
    if problems:
        raise ConfigurationError(loaded.locate(problems), loaded.source)
