"""Which Pulumi CLI is used, and what happens where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hearth.errors import UserError
from hearth.pulumi_cli import fetch, installed_cli, official_plugin

ROOT = Path(__file__).parents[1]


def test_newest_official_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("4.9.1", "4.34.2"):
        (tmp_path / "plugins" / f"resource-kubernetes-v{version}").mkdir(parents=True)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert official_plugin("kubernetes") == tmp_path / "plugins" / "resource-kubernetes-v4.34.2"


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A program called pulumi, alone on PATH."""
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return program


@pytest.mark.parametrize("version", ["v3.246.0", "v3.280.1", "v4.0.0-beta.1"])
def test_a_recent_cli_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    program = put_on_path(tmp_path, monkeypatch, f"echo {version}")
    assert installed_cli("v3.246.0") == program


@pytest.mark.parametrize("script", ["echo v3.100.0", "echo v3.246.1; exit 1", "echo unknown"])
def test_an_older_or_broken_cli_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    put_on_path(tmp_path, monkeypatch, script)
    assert installed_cli("v3.246.0") is None


def test_no_cli_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_cli("v3.246.0") is None


def test_no_official_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert official_plugin("kubernetes") is None


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")


@pytest.mark.usefixtures("no_network")
def test_without_network_the_remedy_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"could not be fetched from get\.pulumi\.com.*(.|\n)*pulumi\.com/docs/install"):
        fetch(tmp_path)


@pytest.mark.usefixtures("no_network")
def test_the_makefile_is_told_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hearth.pulumi_cli", str(tmp_path)]
    failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert failed.returncode == 1 and failed.stderr.startswith("The Pulumi CLI could not be fetched")


@pytest.mark.usefixtures("no_network")
def test_a_cli_that_was_fetched_before_needs_no_network(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho v3.999.0\n")
    program.chmod(0o755)
    assert fetch(tmp_path) == program
