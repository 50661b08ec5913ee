"""Wrong settings of the web UI and its services: each is one problem that names the key, why, and what is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import yaml

from hearth.problems import render
from hearth.settings.loading import LoadedStack
from tests.settings.stack_files import Wrong

Load = Callable[..., LoadedStack]

PROVIDER = (
    "webUi.hostname: chat.example.org\n"
    "webUi.openIdConnect: {providerUrl: 'https://id.example.org/.well-known/openid-configuration', clientId: chat,"
    " clientSecret: {secure: v1:abc}%s}"
)
BUCKET = (
    "webUi.uploads.s3: {endpoint: 'https://s3.example.org', bucket: uploads, accessKey: {secure: v1:a},"
    " secretKey: {secure: v1:b}%s}"
)
OPEN_ID = "hearth:webUi.openIdConnect"
SPEECH = "hearth:webUi.speechToText"
ARENA = "hearth:webUi.evaluation.arenaModels"
CASES: Mapping[str, Wrong] = {
    # look
    "language without pages": Wrong(
        "webUi.locale: ko", "hearth:webUi.locale", "no language of Open WebUI's pages", "write ko-KR"
    ),
    "language in words": Wrong("webUi.locale: Korean", "hearth:webUi.locale", "is not a language tag", "ko-KR"),
    "language nobody speaks": Wrong("webUi.locale: xx-XX", "hearth:webUi.locale", "no language", "choose one of ar"),
    "banner without text": Wrong(
        "webUi.banners: [{title: Maintenance}]", "hearth:webUi.banners[0].content", "is required", "content: text"
    ),
    "banner of a colour": Wrong(
        "webUi.banners: [{content: x, type: red}]", "hearth:webUi.banners[0].type", "is not one of info", "choose one"
    ),
    # access
    "origin with a path": Wrong(
        "webUi.otherOrigins: ['https://chat.internal/']", "hearth:webUi.otherOrigins[0]", "URL without a path", "https"
    ),
    "plain origin beside a certificate": Wrong(
        "webUi.hostname: chat.example.org\nwebUi.otherOrigins: ['http://chat.internal']\n"
        "webUi.exposure: {type: ingress, className: nginx, tls: {secretName: chat-tls}}",
        "hearth:webUi.otherOrigins[0]",
        "nobody stays signed in",
        "write https://chat.internal",
    ),
    "provider without its description": Wrong(
        PROVIDER.replace("/.well-known/openid-configuration", "") % "",
        f"{OPEN_ID}.providerUrl",
        "ends with /.well-known/openid-configuration",
        "https://id.example.org/realms",
    ),
    "provider that cannot send people back": Wrong(
        PROVIDER.partition("\n")[2] % "", "hearth:webUi.hostname", "sends people back", "register that address"
    ),
    "provider without a secret": Wrong(
        PROVIDER.replace(" clientSecret: {secure: v1:abc}", "") % "",
        f"{OPEN_ID}.clientSecret",
        "is required",
        "run: pulumi config set --secret --path 'hearth:webUi.openIdConnect.clientSecret'",
    ),
    "provider with a plain secret": Wrong(
        PROVIDER.replace("{secure: v1:abc}", "planted") % "",
        f"{OPEN_ID}.clientSecret",
        "secret in plain text",
        "pulumi config set --stack test --secret",
    ),
    "nobody can sign in": Wrong(
        PROVIDER % ", passwordSignIn: false", f"{OPEN_ID}.passwordSignIn", "leaves nobody", "write signUp: true"
    ),
    "sign-up without its form": Wrong(
        PROVIDER % ", passwordSignIn: false, signUp: true" + "\nwebUi.signUp: true",
        f"{OPEN_ID}.passwordSignIn",
        "removes the form",
        "signUp: false",
    ),
    "everybody of the provider an administrator": Wrong(
        PROVIDER % ", signUp: true" + "\nwebUi.defaultUserRole: admin",
        "hearth:webUi.defaultUserRole",
        "whom the provider knows",
        "rolesClaim",
    ),
    "roles without their claim": Wrong(
        PROVIDER % ", adminRoles: [it]", f"{OPEN_ID}.adminRoles", "no effect without rolesClaim", "add rolesClaim"
    ),
    "roles in one entry": Wrong(
        PROVIDER % ", rolesClaim: roles, userRoles: ['staff,guests']",
        f"{OPEN_ID}.userRoles[0]",
        "has a comma",
        "one entry for each",
    ),
    "groups without their claim": Wrong(
        PROVIDER % ", createGroups: true", f"{OPEN_ID}.createGroups", "no effect without groupsClaim", "groupsClaim"
    ),
    "domain with an at sign": Wrong(
        PROVIDER % ", allowedDomains: ['@example.org']", f"{OPEN_ID}.allowedDomains[0]", "is not the domain", "example"
    ),
    "provider in no network": Wrong(
        PROVIDER % ", networks: [10.1.2.3/24]", f"{OPEN_ID}.networks[0]", "is not a network", "10.1.2.0/24"
    ),
    # uploads
    "bucket in a network by name": Wrong(
        BUCKET % ", networks: [s3.example.org]",
        "hearth:webUi.uploads.s3.networks[0]",
        "is not a network",
        "write a network in CIDR notation",
    ),
    "bucket with capitals": Wrong(
        BUCKET.replace("bucket: uploads", "bucket: Uploads") % "",
        "hearth:webUi.uploads.s3.bucket",
        "is not the name of a bucket",
        "chat-uploads",
    ),
    "bucket without a key": Wrong(
        BUCKET.replace(" secretKey: {secure: v1:b}", "") % "",
        "hearth:webUi.uploads.s3.secretKey",
        "is required",
        "run: pulumi config set --secret --path 'hearth:webUi.uploads.s3.secretKey'",
    ),
    "bucket without the name of its key": Wrong(
        BUCKET.replace(" accessKey: {secure: v1:a},", "") % "",
        "hearth:webUi.uploads.s3.accessKey",
        "is required",
        "run: pulumi config set --secret --path 'hearth:webUi.uploads.s3.accessKey'",
    ),
    "endpoint without a scheme": Wrong(
        BUCKET.replace("https://", "") % "", "hearth:webUi.uploads.s3.endpoint", "is not a URL", "https://s3"
    ),
    # services
    "vectors longer than their column": Wrong(
        "models[1].source: Qwen/Qwen3-Embedding-4B\nwebUi.embeddingModel: qwq-32b",
        "hearth:webUi.embeddingDimensions",
        "have 2560 dimensions",
        "write embeddingDimensions: 2560",
    ),
    "vectors longer than any column": Wrong(
        "webUi.embeddingDimensions: 4096", "hearth:webUi.embeddingDimensions", "at least 1 and at most 4000", "write"
    ),
    "speech by nobody": Wrong("webUi.speechToText: {}", SPEECH, "neither model nor server", "add server: {}"),
    "speech by two": Wrong(
        "webUi.speechToText: {model: qwq-32b, server: {}}", f"{SPEECH}.server", "has model already", "remove either"
    ),
    "speech by a model that is not there": Wrong(
        "webUi.speechToText: {model: whisper}", f"{SPEECH}.model", "not served by one of hearth:models", "server: {}"
    ),
    "speech by a misspelt model": Wrong(
        "webUi.speechToText: {model: qwq-32}", f"{SPEECH}.model", "not served by", "write qwq-32b"
    ),
    "speech by a tag of Ollama": Wrong(
        'webUi.speechToText: {model: "gemma3:4b"}', f"{SPEECH}.model", "not served by", "add a Whisper model"
    ),
    "speech by the embedding model": Wrong(
        "models[1].source: BAAI/bge-m3\nwebUi.embeddingModel: qwq-32b\nwebUi.speechToText: {model: qwq-32b}",
        f"{SPEECH}.model",
        "is the embedding model",
        "name a Whisper model",
    ),
    "speech in another format": Wrong(
        "webUi.speechToText: {server: {model: openai/whisper-small}}",
        f"{SPEECH}.server.model",
        "not in CTranslate2's format",
        "Systran/faster-whisper-small",
    ),
    "speech on an image that moves": Wrong(
        "webUi.speechToText: {server: {image: 'ghcr.io/speaches-ai/speaches:latest'}}",
        f"{SPEECH}.server.image",
        "the tag latest moves",
        "released tag",
    ),
    "unknown reader": Wrong(
        "webUi.contentExtraction: {engine: pypdf}",
        "hearth:webUi.contentExtraction.engine",
        "is not one of tika, docling",
        "choose one of",
    ),
    "pipelines that move": Wrong(
        "webUi.pipelines: {image: 'ghcr.io/open-webui/pipelines:main'}",
        "hearth:webUi.pipelines.image",
        "the tag main moves",
        "digest",
    ),
    "model named like a service": Wrong(
        "models[0].name: pipelines", "hearth:models[0].name", "Hearth's own pipelines", "choose a name"
    ),
    "nobody to chat with": Wrong(
        "models: []\nollama: {models: [nomic-embed-text]}\nwebUi.embeddingModel: nomic-embed-text",
        "hearth:models",
        "none is left to chat with",
        "add a chat model",
    ),
    # arena
    "arena of an unknown model": Wrong(
        "webUi.evaluation.arenaModels: [{name: Arena, models: [qwq-32, deepseek-r1]}]",
        f"{ARENA}[0].models[0]",
        "not a model that people chat with",
        "write qwq-32b",
    ),
    "arena of one model": Wrong(
        "webUi.evaluation.arenaModels: [{name: Arena, models: [qwq-32b]}]",
        f"{ARENA}[0].models",
        "nothing to compare",
        "at least two",
    ),
    "arena named like a model": Wrong(
        "webUi.evaluation.arenaModels: [{name: qwq-32b}]", f"{ARENA}[0].name", "could not tell them apart", "another"
    ),
    "arenas of one name": Wrong(
        "webUi.evaluation.arenaModels: [{name: Arena}, {name: Arena}]", f"{ARENA}[1].name", "another arena", "another"
    ),
}
RIGHT: Mapping[str, str] = {
    "every service": (
        "webUi.speechToText: {server: {}}\nwebUi.contentExtraction: {engine: docling}\nwebUi.pipelines: {}\n"
        "webUi.evaluation: {arenaModels: [{name: Arena, models: [qwq-32b, 'gemma3:4b']}]}\n" + BUCKET % ""
    ),
    "embeddings by one of the models": (
        "models[1].source: Qwen/Qwen3-Embedding-4B\nwebUi.embeddingModel: qwq-32b\nwebUi.embeddingDimensions: 2560"
    ),
    "the provider alone": PROVIDER
    % ", passwordSignIn: false, signUp: true, rolesClaim: roles, adminRoles: [it], networks: [10.1.2.3/32, 'fd00::/8']",
    "everybody an administrator by role": PROVIDER % ", signUp: true, rolesClaim: r" + "\nwebUi.defaultUserRole: admin",
    "a language and a notice": "webUi.locale: ko-KR\nwebUi.banners: [{content: Closed, type: warning}]",
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_wrong_web_ui_is_one_problem(case: Wrong, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(case.changes), case.without)

    assert [problem.key for problem in loaded.problems] == [case.key], render(loaded.problems, loaded.source)
    assert case.why in loaded.problems[0].why
    assert case.remedy in loaded.problems[0].remedy
    assert "planted" not in render(loaded.problems, loaded.source)


@pytest.mark.parametrize("changes", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_web_ui_has_no_problem(changes: str, load_changed: Load) -> None:
    loaded = load_changed(yaml.safe_load(changes))
    assert loaded.problems == (), render(loaded.problems, loaded.source)
