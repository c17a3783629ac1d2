"""What a machine's settings say against a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from aca_kernel.localpool.namespaces import what_forbids


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("proc/sys/user/max_user_namespaces", "0\n", "max_user_namespaces=0 forbids"),
        ("proc/sys/kernel/unprivileged_userns_clone", "0\n", "unprivileged_userns_clone=0"),
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n", "AppArmor profile"),
        (".dockerenv", "", "This is a container"),
        ("run/.containerenv", "", "This is a container"),
        ("proc/sys/user/max_user_namespaces", "96365\n", ""),
        ("proc/sys/kernel/unprivileged_userns_clone", "1\n", ""),
        ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n", ""),
    ],
)
def test_what_is_said(tmp_path: Path, file: str, content: str, said: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    found = what_forbids(tmp_path)
    assert said in found if said else found == ""
