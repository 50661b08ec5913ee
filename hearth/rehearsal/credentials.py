"""Keys, certificates, tokens and kubeconfigs of an embedded cluster."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=365)

SERVICE_CIDR = "10.96.0.0/12"
"""Range of Service addresses, as kubeadm sets it."""


@dataclass(frozen=True)
class User:
    """Who a token stands for."""

    name: str
    group: str = ""


USERS: dict[str, User] = {
    "admin": User("kubernetes-admin", "system:masters"),
    "kube-controller-manager": User("system:kube-controller-manager"),
    "kube-scheduler": User("system:kube-scheduler"),
    "kwok": User("kwok", "system:masters"),
    "site-controllers": User("site-controllers", "system:masters"),
}
"""Users of a cluster by the name of their kubeconfig. The upstream programs have only what upstream's RBAC grants."""


@dataclass(frozen=True)
class Credentials:
    """Files that prove who is who; all lie in one directory that only its owner may read."""

    directory: Path
    tokens: dict[str, str]

    @property
    def ca_certificate(self) -> Path:
        return self.directory / "ca.crt"

    @property
    def server_certificate(self) -> Path:
        return self.directory / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.directory / "server.key"

    @property
    def service_account_key(self) -> Path:
        """Private key that signs service account tokens; the API server derives the public one from it."""
        return self.directory / "service-account.key"

    @property
    def token_file(self) -> Path:
        return self.directory / "tokens.csv"


def create(directory: Path) -> Credentials:
    """Write new keys, certificates and tokens into `directory`."""
    credentials = Credentials(directory, {user: secrets.token_urlsafe(32) for user in USERS})
    ca_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = _name("hearth rehearsal CA")
    ca = _certificate(ca_name, ca_name, ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=0))
    hosts: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(next(ipaddress.ip_network(SERVICE_CIDR).hosts())),
        *(x509.DNSName(name) for name in ("localhost", "kubernetes", "kubernetes.default.svc")),
    ]
    server = _certificate(
        ca_name,
        _name("kube-apiserver"),
        ca_key,
        server_key,
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectAlternativeName(hosts),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    )
    credentials.ca_certificate.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    credentials.server_certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    _write_key(credentials.server_key, server_key)
    _write_key(credentials.service_account_key, ec.generate_private_key(ec.SECP256R1()))
    rows = (f'{token},{USERS[user].name},{user},"{USERS[user].group}"\n' for user, token in credentials.tokens.items())
    _write_private(credentials.token_file, "".join(rows).encode())
    return credentials


def write_kubeconfig(path: Path, credentials: Credentials, user: str, server: str, context: str) -> None:
    """A kubeconfig with one context of the name `context`; complete in itself, so that it may be copied elsewhere."""
    authority = base64.b64encode(credentials.ca_certificate.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": {"token": credentials.tokens[user]}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
    }
    _write_private(path, json.dumps(config, indent=2).encode())  # JSON is YAML


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate(
    issuer: x509.Name,
    subject: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(issuer_key, hashes.SHA256())


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    # Kubernetes derives a public key only from this format (RFC 5915), not from PKCS #8.
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    _write_private(path, pem)


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
