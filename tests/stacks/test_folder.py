from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hearth.errors import UserError
from hearth.stacks.folder import Record, StackFolder, stack_folder, stack_folders
from hearth.stacks.state import StackState, read_state

RECORD = Record("dev", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC), {"web-ui": 3001})


@pytest.fixture
def folder(tmp_path: Path) -> StackFolder:
    found = stack_folder(tmp_path, "dev-anna")
    found.make()
    return found


def test_nobody_else_can_look_into_it(folder: StackFolder) -> None:
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_record_comes_back(folder: StackFolder) -> None:
    folder.write_record(RECORD)
    assert folder.record() == RECORD


def test_a_stack_without_a_record_has_none(folder: StackFolder) -> None:
    assert folder.record() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"source": "dev", "created": "yesterday", "expires": ""}'])
def test_a_broken_record_is_named_with_a_way_out(folder: StackFolder, text: str) -> None:
    folder.record_file.write_text(text)
    with pytest.raises(UserError, match=r"stack\.json cannot be read.*PULUMI_BACKEND_URL=file://.*destroy"):
        folder.record()


def test_a_passphrase_is_made_once_and_for_its_owner(folder: StackFolder) -> None:
    first = folder.passphrase()
    folder.state.mkdir()
    assert folder.passphrase() == first and len(first) > 40
    assert folder.passphrase_file.stat().st_mode & 0o777 == 0o600


def test_every_stack_has_a_passphrase_of_its_own(folder: StackFolder, tmp_path: Path) -> None:
    other = stack_folder(tmp_path, "trial")
    other.make()
    assert other.passphrase() != folder.passphrase()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_passphrase_that_others_can_read_is_refused(folder: StackFolder, mode: int) -> None:
    folder.passphrase()
    folder.state.mkdir()
    folder.passphrase_file.chmod(mode)
    with pytest.raises(UserError, match=rf"can be read by others \(mode 0{mode:o}\): chmod 600"):
        folder.passphrase()


def test_a_passphrase_that_is_gone_is_not_made_anew_for_a_state_that_needs_it(folder: StackFolder) -> None:
    folder.state.mkdir()
    with pytest.raises(UserError, match="passphrase cannot be read"):
        folder.passphrase()
    assert not folder.passphrase_file.exists()


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_passphrase_that_its_owner_cannot_read_is_named(folder: StackFolder) -> None:
    folder.passphrase()
    folder.state.mkdir()
    folder.passphrase_file.chmod(0)
    with pytest.raises(UserError, match="chmod 600"):
        folder.passphrase()


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_passphrase_is_refused(folder: StackFolder, content: bytes) -> None:
    folder.passphrase()
    folder.state.mkdir()
    folder.passphrase_file.write_bytes(content)
    with pytest.raises(UserError, match="is empty"):
        folder.passphrase()


def test_a_folder_that_cannot_be_made_is_an_error_for_the_user(tmp_path: Path) -> None:
    (tmp_path / ".hearth").touch()
    with pytest.raises(UserError, match="cannot be made"):
        stack_folder(tmp_path, "dev-anna").make()


def test_the_last_stack_leaves_no_trace(folder: StackFolder, tmp_path: Path) -> None:
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_other_stacks_stay(folder: StackFolder, tmp_path: Path) -> None:
    other = stack_folder(tmp_path, "trial")
    other.make()
    folder.remove()
    assert stack_folders(tmp_path) == (other,)


def test_paths_are_quoted_for_the_shell(tmp_path: Path) -> None:
    folder = stack_folder(tmp_path / "my project", "dev-anna")
    assert "my%20project" in folder.pulumi_environment() and "'" in folder.pulumi_environment()
    assert folder.pulumi_command("cancel").count("'") == 4


def test_a_stack_without_a_state_has_nothing(folder: StackFolder) -> None:
    assert read_state(folder) == StackState()


@pytest.mark.parametrize("text", ["", "{", '{"version": 3}'])
def test_a_broken_state_is_named_with_the_one_before(folder: StackFolder, text: str) -> None:
    file = folder.state / ".pulumi/stacks/hearth/dev-anna.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(UserError, match=r"dev-anna\.json cannot be read.*dev-anna\.json\.bak"):
        read_state(folder)
