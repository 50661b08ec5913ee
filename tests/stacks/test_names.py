from __future__ import annotations

import os
from pathlib import Path

import pytest

from hearth.errors import UserError
from hearth.stacks import names


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("anna", "dev-anna"),
        ("Anna.Müller", "dev-anna-muller"),
        ("_build_", "dev-build"),
        ("DOMAIN\\anna", "dev-domain-anna"),
        ("a" * 60, f"dev-{'a' * 29}"),
        ("a" * 28 + "-b", f"dev-{'a' * 28}"),
        ("안나", f"dev-{os.getuid()}"),
    ],
)
def test_a_user_gives_a_legal_name(user: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", user)
    assert names.default_name("dev") == name
    names.check(name, tmp_path)


def test_a_user_whom_the_system_does_not_know_is_called_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 98765)
    assert names.default_name("dev") == "dev-98765"


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Trial", "trial"),
        ("1st", "dev-1st"),
        ("a_b", "a-b"),
        ("end-", "end"),
        ("../etc", "etc"),
        ("a" * 34, "a" * 33),
        ("", "dev"),
    ],
)
def test_an_illegal_name_is_refused_with_a_legal_one(name: str, instead: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"cannot name a stack.*Try {instead}\.$"):
        names.check(name, tmp_path)


def test_the_name_of_a_stack_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").touch()
    with pytest.raises(UserError, match=r"make up STACK=prod.*hearth up --from prod"):
        names.check("prod", tmp_path)
