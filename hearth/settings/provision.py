"""What the web UI holds from the start: functions, model entries, groups."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hearth.settings.base import Means, Secret, StrictModel, Text

FunctionId = Annotated[
    str,
    Field(pattern=r"^[a-z_][a-z0-9_]{0,99}$"),
    Means("lower-case letters, digits and underscores, at most 100", "reasoning"),
]
ModelId = Annotated[
    str, Field(pattern=r"^\S{1,256}$"), Means("at most 256 characters without spaces", "legal-assistant")
]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$"), Means("an e-mail address", "anna@example.org")]
ValveName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), Means("letters, digits and underscores", "api_key")
]
Plain = Annotated[str | bool | int | float, Means("text, a number, true or false", "text")]
Permissions = Annotated[
    dict[str, dict[str, bool]],
    Means("a mapping of sections to permissions, each true or false", {"chat": {"delete": False}}),
]


class Function(StrictModel):
    """A Function of Open WebUI: a filter, pipe, action or event."""

    id: FunctionId
    """By which model entries name it."""
    source: Annotated[Text, Means("a Python file beside the stack file, or reasoning or usage", "reasoning")]
    """A Python file, from the folder of the stack file, or one that Hearth brings: reasoning or usage."""
    name: Text | None = None
    """Shown in the admin panel; the id when left out."""
    active: bool = True
    """Whether it acts at all."""
    is_global: bool = Field(default=False, alias="global")
    """Acts on every model, and not only on the entries that name it."""
    valves: Annotated[dict[str, Plain], Means("a mapping of valves to values", {"summary": "Thought"})] = Field(
        default={}
    )
    """Its settings; those that are left out stay as they are. No secrets: everybody who reads the stack sees them."""
    secret_valves: Annotated[
        dict[ValveName, Secret], Means("a mapping of valves to encrypted values", {"api_key": {"secure": "..."}})
    ] = Field(default={})
    """Further settings that nobody may read, each written with `pulumi config set --secret --path`."""


class Access(StrictModel):
    """Who may use a model, beside administrators."""

    everyone: bool = False
    """Everybody with an account."""
    groups: list[Text] = Field(default=[])
    """Groups by name."""


class ModelEntry(StrictModel):
    """An entry of the model list: a served model as it is shown, or one of its own on top of a served model."""

    id: ModelId
    """By which requests choose it; without base, a served model's."""
    base: Annotated[Text, Means("the name of a served model", "qwq-32b")] | None = None
    """The served model, adapter or Ollama tag that answers; the entry describes that model itself when left out."""
    name: Text | None = None
    """Shown in the model list; the id when left out."""
    description: Text | None = None
    """Shown below the name."""
    icon: Annotated[Text, Means("an image file beside the stack file", "icons/legal.png")] | None = None
    """A PNG, JPEG, GIF or WebP file of at most 200 KB, from the folder of the stack file."""
    parameters: Annotated[dict[str, Plain], Means("a mapping of parameters to values", {"temperature": 0.2})] = Field(
        default={}
    )
    """As in Open WebUI's advanced parameters, such as temperature, or system for the system prompt."""
    functions: list[FunctionId] = Field(default=[])
    """Filters and actions that act on it, beside the global ones."""
    access: Access = Field(default_factory=Access)
    """Who may use it; administrators alone when left out."""
    active: bool = True
    """Whether it is offered."""


class Group(StrictModel):
    """People who share permissions and models."""

    name: Text
    """By which access names it."""
    description: Text | None = None
    """Shown in the admin panel."""
    permissions: Permissions = Field(default={})
    """What its members may do; what is left out stays as it is."""
    members: list[Email] = Field(default=[])
    """Added once they have an account; nobody is ever taken out."""


class Provision(StrictModel):
    """Brought about at each deployment; what it does not name is left alone."""

    functions: list[Function] = Field(default=[])
    """Filters, pipes, actions and events."""
    models: list[ModelEntry] = Field(default=[])
    """Entries of the model list; administrators alone see a served model that has none."""
    groups: list[Group] = Field(default=[])
    """Groups of people."""
