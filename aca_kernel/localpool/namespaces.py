"""What keeps a sandbox from working on this machine, as far as its settings tell."""

from __future__ import annotations

from pathlib import Path

__all__ = ["what_forbids"]

_SETTINGS = (
    ("user.max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=15000"),
    ("kernel.unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
    (
        "kernel.apparmor_restrict_unprivileged_userns",
        "1",
        "give bwrap an AppArmor profile with userns, or allow it to all programs: "
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)
"""(setting, the value that forbids user namespaces, what allows them)."""

_CONTAINERS = (".dockerenv", "run/.containerenv")


def what_forbids(root: Path = Path("/")) -> str:
    """Say what forbids user namespaces below ``root``, and what allows them; "" if unknown."""
    for name, value, remedy in _SETTINGS:
        try:
            found = (root / "proc/sys" / name.replace(".", "/")).read_text().strip()
        except OSError:
            continue
        if found == value:
            return f"The setting {name}={value} forbids user namespaces. To allow them: {remedy}."
    if any((root / name).exists() for name in _CONTAINERS):
        return (
            "This is a container, whose runtime may forbid user namespaces. To allow them, start"
            " it with --security-opt seccomp=unconfined."
        )
    return ""
