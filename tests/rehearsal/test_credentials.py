from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from hearth.rehearsal.credentials import USERS, create, write_kubeconfig


def test_private_files_are_for_their_owner_only(tmp_path: Path) -> None:
    credentials = create(tmp_path)
    private = (credentials.server_key, credentials.service_account_key, credentials.token_file)
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0]


def test_every_user_has_a_token_of_its_own(tmp_path: Path) -> None:
    assert len(set(create(tmp_path).tokens.values())) == len(USERS)


def test_the_server_certificate_is_for_the_loopback_address(tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(create(tmp_path).server_certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))


def test_the_server_certificate_is_signed_by_the_authority(tmp_path: Path) -> None:
    credentials = create(tmp_path)
    server, authority = (
        x509.load_pem_x509_certificate(path.read_bytes())
        for path in (credentials.server_certificate, credentials.ca_certificate)
    )
    server.verify_directly_issued_by(authority)


def test_key_and_certificate_belong_together(tmp_path: Path) -> None:
    credentials = create(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(credentials.server_certificate, credentials.server_key)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, create(tmp_path), "admin", "https://127.0.0.1:6443", "prod")
    return path


def test_a_kubeconfig_names_the_context(kubeconfig: Path) -> None:
    assert json.loads(kubeconfig.read_text())["current-context"] == "prod"


def test_a_kubeconfig_is_for_its_owner_only(kubeconfig: Path) -> None:
    assert kubeconfig.stat().st_mode & 0o077 == 0
