"""`compose`: the file, the file of its secrets, and what is refused."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from hearth.cli import app
from hearth.compose.variables import Variable, write_values
from hearth.errors import UserError
from tests.conftest import ROOT
from tests.containers import stacks
from tests.smoke.stack_files import write


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["compose", "-s", "test", "-C", str(folder), *arguments])


def values(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_the_file_is_printed(tmp_path: Path) -> None:
    write(tmp_path)

    result = run(tmp_path)

    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.stdout)["name"] == "hearth-test"


def test_the_committed_stack_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / "compose.yaml"

    result = CliRunner().invoke(app, ["compose", "-s", "dev", "-C", str(ROOT), "-o", str(target)])

    assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert yaml.safe_load(target.read_text())["services"]["web-ui"]["ports"][0]["published"] == "3000"


def test_every_variable_has_a_value(tmp_path: Path) -> None:
    write(tmp_path, **{**stacks.GPU, **stacks.POSTGRES})
    file = tmp_path / "secrets.env"

    used = set(re.findall(r"\$\{([A-Z0-9_]+):\?", run(tmp_path, "--env-file", str(file)).stdout))

    assert used <= set(values(file))
    assert used >= {"CHAT_POSTGRES", "CHAT_REDIS", "CHAT_QWEN3_8B", "CHAT_WEB_UI_SIGNING_KEY"}


def test_only_its_user_reads_the_secrets(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "secrets.env"
    file.touch(0o644)

    run(tmp_path, "--env-file", str(file))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_generated_secrets_are_kept(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / "secrets.env"
    run(tmp_path, "--env-file", str(file))
    before = file.read_text()

    write(tmp_path, **stacks.POSTGRES)
    run(tmp_path, "--env-file", str(file))

    assert file.read_text().startswith(before)
    assert "CHAT_POSTGRES" in values(file)


def test_a_given_secret_follows_the_stack_file(tmp_path: Path) -> None:
    write(tmp_path, **stacks.GPU)
    file = tmp_path / "secrets.env"

    for token in ("hf_first", "hf_second"):
        run(tmp_path, "--env-file", str(file), "--config", f"huggingFace.token={token}")

    assert values(file)["HF_TOKEN"] == "hf_second"


def test_an_encrypted_secret_is_named(tmp_path: Path) -> None:
    write(tmp_path, **stacks.GPU)
    content = json.loads((tmp_path / "Pulumi.test.yaml").read_text())
    content["config"]["hearth:huggingFace"] = {"token": {"secure": "AAABAL4"}}
    (tmp_path / "Pulumi.test.yaml").write_text(json.dumps(content))
    file = tmp_path / "secrets.env"

    result = run(tmp_path, "--env-file", str(file))

    assert result.stderr == f"HF_TOKEN is encrypted in the stack file: add it to {file}\n"
    assert "HF_TOKEN" not in values(file)


def test_what_is_added_by_hand_stays(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("# mine\nHF_TOKEN=hf_mine\nOTHER=1\n")

    write_values(file, [Variable("HF_TOKEN"), Variable("NEW", "x")])

    assert file.read_text() == "# mine\nHF_TOKEN=hf_mine\nOTHER=1\nNEW=x\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [("plain-1", "plain-1"), ("a b", "'a b'"), ("$x#y", "'$x#y'"), ('"', "'\"'"), ("", "''")],
)
def test_values_are_literal(tmp_path: Path, value: str, written: str) -> None:
    file = tmp_path / "secrets.env"

    write_values(file, [Variable("NAME", value)])

    assert file.read_text() == f"NAME={written}\n"


@pytest.mark.parametrize("value", ["it's", "two\nlines", "ends with \\"])
def test_a_value_that_no_such_file_holds_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(UserError, match="NAME: its value"):
        write_values(tmp_path / "secrets.env", [Variable("NAME", value)])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--output", "--env-file"])
def test_a_file_that_cannot_be_written(tmp_path: Path, option: str) -> None:
    write(tmp_path)

    result = run(tmp_path, option, str(tmp_path / "none" / "file"))

    assert (result.exit_code, result.stderr.startswith(f"{option} {tmp_path}/none/file: cannot be")) == (1, True)


def test_a_file_of_secrets_that_is_no_text(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "secrets.env").write_bytes(b"\xff\xfe")

    assert run(tmp_path, "--env-file", str(tmp_path / "secrets.env")).exit_code == 1


def test_a_cluster_is_refused() -> None:
    result = CliRunner().invoke(app, ["compose", "-s", "prod", "-C", str(ROOT)])

    assert (result.exit_code, "Compose runs containers of one host" in result.stderr) == (1, True)


def test_a_wrong_stack_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ollama={"models": ["no such tag"]})

    assert run(tmp_path).exit_code == 1
