"""Errors that the download tells apart."""

from __future__ import annotations


class HFValidationError(ValueError):
    """The name is none of a model."""


class RepositoryNotFoundError(Exception):
    """No such model."""


class GatedRepoError(RepositoryNotFoundError):
    """Not without a licence."""


class RevisionNotFoundError(Exception):
    """No such revision."""
