"""What the web UI has beside models: speech, documents, pipelines, sign-in, uploads, notices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.base import Image, Means, Network, PositiveInt, Secret, StrictModel, Text
from hearth.settings.models import ModelSource, Revision, ServedName

Url = Annotated[
    str,
    Field(pattern=r"^https?://[^\s/?#]+(/\S*)?$"),
    Means("a URL that starts with https:// or http://", "https://s3.example.org"),
]
Origin = Annotated[
    str,
    Field(pattern=r"^https?://[^\s/?#;]+$"),
    Means("a URL without a path", "https://chat.example.org"),
]
Domain = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"),
    Means("the domain of e-mail addresses, in lower case", "example.org"),
]
ClaimName = Annotated[Text, Means("the name of a claim", "groups")]


class SpeechServer(StrictModel):
    """A speech-to-text server of the stack's own (speaches with faster-whisper), on CPU nodes."""

    image: Image | None = None
    """The tested one when left out."""
    model: Annotated[
        ModelSource, Means("a Whisper model in CTranslate2's format on Hugging Face", "Systran/faster-whisper-small")
    ] = "Systran/faster-whisper-small"
    """Hugging Face id of a Whisper model in CTranslate2's format; fetched once, from where all weights come."""
    revision: Revision = "main"
    """Branch, tag or commit of the model."""
    size_gib: float = Field(default=0.5, gt=0)
    """Size of the model in GiB."""
    cpus: PositiveInt = 4
    """CPUs that it requests, and threads that it computes with."""
    memory_gib: PositiveInt = 3
    """Memory in GiB."""


class SpeechToText(StrictModel):
    """Who writes down what people say: either a served model or a server of its own."""

    model: Annotated[ServedName, Means("the name of one of hearth:models", "whisper")] | None = None
    """One of hearth:models, such as openai/whisper-large-v3-turbo on vLLM."""
    server: SpeechServer | None = None
    """A server of its own, for stacks without a GPU to spare."""


class ContentExtraction(StrictModel):
    """Reads the text of uploaded documents outside of the web UI's own processes."""

    engine: Literal["tika", "docling"]
    """tika: light, with OCR for Latin and Japanese script; docling: tables and layout, needs more memory."""
    image: Image | None = None
    """The tested one when left out."""
    cpus: PositiveInt = 2
    """CPUs that it requests."""
    memory_gib: PositiveInt | None = None
    """Memory in GiB; 3 for tika and 8 for docling when left out."""


class Pipelines(StrictModel):
    """The separate server of Open WebUI's Pipelines, which upstream no longer develops; Functions need none."""

    image: Image | None = None
    """The tested one when left out."""
    internet: bool = False
    """Pipelines may connect to every address, such as to install what they require."""
    volume_gib: PositiveInt = 5
    """Size of the volume of pipelines and their valves, in GiB."""
    memory_gib: PositiveInt = 2
    """Memory in GiB."""


class OpenIdConnect(StrictModel):
    """Sign-in through the organisation's identity provider; it redirects to /oauth/oidc/callback."""

    provider_url: Annotated[
        str,
        Field(pattern=r"^https?://[^\s/]+/(\S*/)?\.well-known/openid-configuration$"),
        Means(
            "a URL that ends with /.well-known/openid-configuration",
            "https://id.example.org/realms/office/.well-known/openid-configuration",
        ),
    ]
    """Where the provider describes itself."""
    client_id: Text
    """Name of this chat with the provider."""
    client_secret: Secret
    """With which this chat proves itself to the provider."""
    networks: list[Network] = Field(default=[])
    """Networks that the provider's address is in; any when left out."""
    name: Text = "SSO"
    """On the sign-in button."""
    scopes: Text = "openid email profile"
    """What is asked of the provider, separated by spaces."""
    sign_up: bool = False
    """People whom the provider knows get an account at their first sign-in."""
    merge_accounts_by_email: bool = False
    """An account with the same e-mail address is taken over: only where the provider verifies addresses."""
    allowed_domains: list[Domain] = Field(default=[])
    """Domains of the e-mail addresses that may sign in; all when left out."""
    roles_claim: ClaimName | None = None
    """Claim with a person's roles; roles are managed here when left out."""
    user_roles: list[Text] = Field(default=["user"])
    """Values of that claim that may use the chat."""
    admin_roles: list[Text] = Field(default=["admin"])
    """Values of that claim that may administer it."""
    groups_claim: ClaimName | None = None
    """Claim with a person's groups; groups are managed here when left out."""
    create_groups: bool = False
    """Groups that the provider names are created."""
    password_sign_in: bool = True
    """People may also sign in with e-mail address and password."""


class S3(StrictModel):
    """A bucket of S3 or of a server that is compatible with it."""

    endpoint: Url
    """Such as https://s3.eu-central-1.amazonaws.com, or that of a MinIO server."""
    bucket: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
        Means("the name of a bucket (3 to 63 lower-case letters, digits, hyphens and dots)", "chat-uploads"),
    ]
    """It exists already."""
    region: Text = "us-east-1"
    """Servers other than Amazon's mostly ignore it."""
    prefix: Text | None = None
    """Begin of every key; none when left out."""
    access_key: Secret
    """Name of the key that may read, write and delete in the bucket."""
    secret_key: Secret
    """The key itself."""
    networks: list[Network] = Field(default=[])
    """Networks that the server's address is in; any when left out."""


class Uploads(StrictModel):
    """Where the files that people upload are kept."""

    volume_gib: PositiveInt = 50
    """Size of the volume in GiB; with s3, of the space for files on their way, in each replica."""
    s3: S3 | None = None
    """A bucket instead of the volume."""


class Banner(StrictModel):
    """A notice above every chat."""

    content: Text
    """Text in Markdown."""
    title: Text | None = None
    """Before the text."""
    type: Literal["info", "success", "warning", "error"] = "info"
    """Its colour."""
    dismissible: bool = True
    """People may close it."""


class ArenaModel(StrictModel):
    """An entry of the model list behind which a model answers that people are not told, so that they can judge it."""

    name: Text
    """Shown in the model list."""
    description: Text = ""
    """Shown below the name."""
    models: list[Text] = Field(default=[])
    """Names of the models that take turns; all when left out."""


class Evaluation(StrictModel):
    """Blind comparison of models by the people who use them."""

    arena_models: list[ArenaModel] = Field(default=[])
    """Entries of the model list; one over all models when left out."""
