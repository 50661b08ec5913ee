"""Names of developers' stacks."""

from __future__ import annotations

import getpass
import os
import re
import unicodedata
from pathlib import Path

from hearth.errors import UserError

_PREFIX = "hearth-"
_LONGEST = 40 - len(_PREFIX)
"""Characters: the stack's namespace, of at most 40, is its name behind the prefix."""
_LEGAL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def default_name(source: str) -> str:
    """`<source>-<user>`, such as dev-anna; a user whose name has no Latin letter or digit is called by number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no variable names the user, and the system does not know the number
        user = ""
    name = f"{source}-{_slug(user) or os.getuid()}"
    return name[:_LONGEST].rstrip("-")


def namespace(name: str) -> str:
    """The namespace of a stack; on Docker, what the names of its containers begin with."""
    return f"{_PREFIX}{name}"


def check(name: str, directory: Path) -> None:
    """Raises UserError for a name that is not legal, or that belongs to a stack file in `directory`."""
    if not _LEGAL.fullmatch(name) or len(name) > _LONGEST:
        raise UserError(
            f"{name!r} cannot name a stack: its namespace {_PREFIX}<name> takes at most {_LONGEST} lower-case letters, "
            f"digits and hyphens, the first a letter and the last no hyphen. Try {_suggestion(name)}."
        )
    if (directory / f"Pulumi.{name}.yaml").exists():
        raise UserError(
            f"{name} is the stack of Pulumi.{name}.yaml, which plain Pulumi deploys: make up STACK={name}. For a stack "
            f"of your own with these settings: hearth up --from {name}"
        )


def _suggestion(name: str) -> str:
    slug = _slug(name)
    if not slug[:1].isalpha():
        slug = f"dev-{slug}".rstrip("-")
    return slug[:_LONGEST].rstrip("-")


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
