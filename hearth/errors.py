"""The root of what can go wrong for reasons outside Hearth's own code."""

from __future__ import annotations


class UserError(Exception):
    """Something that the person in front of the command can mend; the text names the cause and the remedy."""
