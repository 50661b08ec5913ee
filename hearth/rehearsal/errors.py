"""What can go wrong in a rehearsal, in words for the user."""

from __future__ import annotations

from http import HTTPStatus

from hearth.errors import UserError


class RehearsalError(UserError):
    """A rehearsal cannot go on; the text names the cause and the remedy."""


class ToolchainError(RehearsalError):
    """A program or file that the control plane needs cannot be built or fetched."""


class ClusterError(RehearsalError):
    """The embedded control plane cannot start, or ended unexpectedly."""


class ApiError(RehearsalError):
    """The API server refused a request, or does not answer.

    `status` is the HTTP status, 0 without an answer; `reason` the server's word for it (such as AlreadyExists).
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(message)

    @property
    def not_found(self) -> bool:
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def conflict(self) -> bool:
        return self.status == HTTPStatus.CONFLICT

    @property
    def gone(self) -> bool:
        return self.status == HTTPStatus.GONE


class UnknownKindError(ApiError):
    """The API server does not serve a kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        definition = "is its CustomResourceDefinition installed?"
        super().__init__(
            HTTPStatus.NOT_FOUND, "NotFound", f'no matches for kind "{kind}" in version "{api_version}": {definition}'
        )
