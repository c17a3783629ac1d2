"""Which files an %upload means: plain names, globs and folders of this machine."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import TransferError
from .diskname import from_disk, on_disk, printable_path
from .local_files import OutsideRoot, is_within, refusal, resolve
from .names import has_glob, printable, why_secret
from .transfer import combined

__all__ = ["Candidate", "Selection", "select"]

_MOST = 10_000
"""Files of one upload; more is a mistake, such as the wrong folder."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file to send: where it is here, and its path in the session relative to the target."""

    path: Path
    remote: str


@dataclass(kw_only=True)
class Selection:
    """What was found, and what the user should know was left out, a line each.

    ``problems`` are the names that stand for nothing that can be sent, each with the reason.
    """

    files: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[tuple[str, TransferError]] = field(default_factory=list)
    _known: set[Candidate] = field(default_factory=set, init=False, repr=False)

    def add(self, candidate: Candidate) -> None:
        """Take ``candidate``, once. Raises TransferError when it is one too many."""
        if candidate in self._known:
            return
        if len(self.files) >= _MOST:
            raise TransferError(
                f"That is more than {_MOST} files.",
                left="Nothing was sent.",
                remedy="Pack them into one archive first, or name fewer.",
            )
        self._known.add(candidate)
        self.files.append(candidate)


def select(
    patterns: Sequence[str],
    root: Path,
    *,
    recursive: bool = False,
    force: bool = False,
    leave: Collection[Path] = (),
) -> Selection:
    """The files that ``patterns`` name, relative to the resolved ``root``.

    A pattern is the name of what exists, else a glob. ``recursive`` takes folders, without
    following links in them and, unless ``force``, without what is hidden or looks like a key.
    Raises OutsideRoot for what is neither in ``root`` nor in ``leave``, and TransferError when
    nothing can be sent, or far too much was named.
    """
    selection = Selection()
    for pattern in patterns:
        try:
            for path, is_named in _expand(pattern, root):
                _take(selection, path, root, leave, recursive, force, is_named)
        except OutsideRoot:
            raise
        except TransferError as problem:
            selection.problems.append((pattern, problem))
    problems = [problem for _, problem in selection.problems]
    if problems and len(selection.files) in (0, _MOST):
        raise combined(problems, f"{len(problems)} of {len(patterns)} names cannot be sent:")
    return selection


def _expand(pattern: str, root: Path) -> Iterator[tuple[Path, bool]]:
    """The paths of one pattern, and whether the pattern is the path itself."""
    try:
        path = Path(on_disk(pattern)).expanduser()
        literal = root / path
        if os.path.lexists(literal):
            yield literal, True
            return
        if not has_glob(pattern):
            raise refusal(pattern, FileNotFoundError())
        # A link in the middle of ** can lead in circles; more than that many are not wanted.
        # Path.glob would not take an absolute pattern.
        matches = glob.iglob(str(path), root_dir=root, recursive=True)  # noqa: PTH207
        found = sorted(itertools.islice(matches, _MOST + 1))
    except (OSError, RuntimeError, ValueError) as error:
        raise refusal(pattern, error) from None
    if not found:
        raise TransferError(
            f"No file matches {printable(pattern)}.",
            left="Nothing was sent.",
            remedy="Names are relative to the notebook's directory, or to transfer_root where"
            " that is set.",
        )
    for name in found:
        yield root / name, False


def _take(
    selection: Selection,
    path: Path,
    root: Path,
    leave: Collection[Path],
    recursive: bool,
    force: bool,
    is_named: bool,
) -> None:
    resolved = resolve(path, root)
    if not is_within(resolved, (root, *leave)):
        raise OutsideRoot(resolved, root)
    shown = _shown(path, root)
    if not resolved.is_dir():
        selection.add(Candidate(path=path, remote=from_disk(path.name)))
    elif recursive:
        inside = resolved.relative_to(root) if resolved.is_relative_to(root) else resolved
        why = "" if force else why_secret(inside.parts)
        if why:
            raise TransferError(
                f"The folder {shown} was not sent: {why}.",
                left="Nothing was sent.",
                remedy="Code in the session could read it. If that is meant: --force.",
            )
        name = resolved.name if path.name in ("", "..") else path.name
        _take_folder(selection, resolved, "" if resolved == root else f"{name}/", root, force)
    elif is_named:
        raise TransferError(
            f"{shown} is a folder.", left="Nothing was sent.", remedy="Add -r to send all of it."
        )
    else:
        selection.notes.append(f"left out {shown}: a folder (-r sends folders)")


def _take_folder(selection: Selection, folder: Path, prefix: str, root: Path, force: bool) -> None:
    before = len(selection.files)
    waiting = [(folder, prefix)]
    while waiting:
        directory, below = waiting.pop()
        try:
            with os.scandir(directory) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise refusal(directory, error) from None
        for entry in entries:
            why = _why_left_out(entry, force)
            if why:
                selection.notes.append(f"left out {_shown(Path(entry.path), root)}: {why}")
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((Path(entry.path), f"{below}{entry.name}/"))
            else:
                remote = from_disk(f"{below}{entry.name}")
                selection.add(Candidate(path=Path(entry.path), remote=remote))
    if len(selection.files) == before:
        selection.notes.append(f"{_shown(folder, root)} holds no file to send")


def _why_left_out(entry: os.DirEntry[str], force: bool) -> str:
    if entry.is_symlink():
        return "a link (a folder is sent without following links)"
    if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        return "a device, a pipe or a socket"
    why = "" if force else why_secret([entry.name])
    return f"{why} (--force sends it)" if why else ""


def _shown(path: Path, root: Path) -> str:
    return printable_path(path.relative_to(root) if path.is_relative_to(root) else path)
