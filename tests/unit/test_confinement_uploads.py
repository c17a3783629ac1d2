"""What may leave this machine: tried against the real file system."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from aca_kernel.errors import TransferError
from aca_kernel.transfers import local_files
from aca_kernel.transfers.local_files import OutsideRoot, open_upload

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX file types")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "root"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "outside"
    made.mkdir()
    (made / "secret.txt").write_text("secret")
    return made


def read(path: str | Path, root: Path, *, force: bool = False) -> bytes:
    with open_upload(path, root, force=force) as opened:
        content = opened.stream.read()
    assert opened.size == len(content)
    return content


def swap_at_open(monkeypatch: pytest.MonkeyPatch, swap: Callable[[], None], call: int = 1) -> None:
    """Do ``swap`` right before the ``call``-th os.open."""
    real = os.open
    calls = 0

    def opening(*arguments: object, **options: object) -> int:
        nonlocal calls
        calls += 1
        if calls == call:
            swap()
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opening)


def test_a_plain_file_opens(root: Path) -> None:
    (root / "data.csv").write_bytes(b"a,b\n")
    assert read("data.csv", root) == b"a,b\n"
    assert read(root / "data.csv", root) == b"a,b\n"


def test_an_empty_file_opens(root: Path) -> None:
    (root / "empty").touch()
    assert read("empty", root) == b""


@pytest.mark.parametrize("name", ["with space.csv", "자료.csv", "100%.csv", "a#b.csv", "-x.csv"])
def test_odd_names_open(root: Path, name: str) -> None:
    (root / name).write_text(name)
    assert read(name, root).decode() == name


@pytest.mark.parametrize("name", ["../outside/secret.txt", "sub/../../outside/secret.txt"])
def test_dots_do_not_leave_the_root(root: Path, outside: Path, name: str) -> None:
    (root / "sub").mkdir()
    with pytest.raises(OutsideRoot, match="ACA_TRANSFER_ROOT") as refused:
        open_upload(name, root)
    assert refused.value.path == outside / "secret.txt"


def test_an_absolute_path_does_not_leave_the_root(root: Path, outside: Path) -> None:
    with pytest.raises(OutsideRoot):
        open_upload(outside / "secret.txt", root)


def test_a_directory_whose_name_only_begins_alike_is_outside(root: Path) -> None:
    sibling = root.with_name("root-of-another")
    sibling.mkdir()
    (sibling / "x").touch()
    with pytest.raises(OutsideRoot):
        open_upload(sibling / "x", root)


def test_leave_opens_that_path_and_no_other(root: Path, outside: Path) -> None:
    (outside / "other.txt").touch()
    allowed = [outside / "secret.txt"]
    with open_upload(outside / "secret.txt", root, leave=allowed) as opened:
        assert opened.stream.read() == b"secret"
    with pytest.raises(OutsideRoot):
        open_upload(outside / "other.txt", root, leave=allowed)


def test_home_expands(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("USERPROFILE", str(root))
    (root / "in-home.txt").write_text("here")
    assert read("~/in-home.txt", root) == b"here"


def test_the_home_of_nobody_is_an_error(root: Path) -> None:
    with pytest.raises(TransferError):
        open_upload("~no-such-user-here/x", root)


@posix
def test_a_link_as_last_component_is_judged_by_its_target(root: Path, outside: Path) -> None:
    (root / "inner.txt").write_text("inner")
    (root / "good").symlink_to("inner.txt")
    (root / "bad").symlink_to(outside / "secret.txt")
    assert read("good", root) == b"inner"
    with pytest.raises(OutsideRoot):
        open_upload("bad", root)


@posix
def test_a_link_in_the_path_is_judged_by_its_target(root: Path, outside: Path) -> None:
    (root / "inner").mkdir()
    (root / "inner" / "x").write_text("inner")
    (root / "good").symlink_to("inner")
    (root / "bad").symlink_to(outside)
    assert read("good/x", root) == b"inner"
    with pytest.raises(OutsideRoot):
        open_upload("bad/secret.txt", root)


@posix
def test_links_in_a_circle_are_an_error(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(TransferError):
        open_upload("a", root)


@posix
def test_a_dangling_link_is_an_error(root: Path) -> None:
    (root / "a").symlink_to("nowhere")
    with pytest.raises(TransferError, match="no file"):
        open_upload("a", root)


@posix
def test_a_file_swapped_for_a_link_is_not_followed(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "data.csv").write_text("data")

    def swap() -> None:
        (root / "data.csv").unlink()
        (root / "data.csv").symlink_to(outside / "secret.txt")

    # The first os.open is the root, the second the file.
    swap_at_open(monkeypatch, swap, call=2)
    with pytest.raises(TransferError, match="a link is in the way"):
        open_upload("data.csv", root)
    assert (root / "data.csv").is_symlink()


@posix
def test_a_file_swapped_for_another_is_noticed(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "data.csv").write_text("data")

    def swap() -> None:
        os.link(outside / "secret.txt", root / "new")
        (root / "new").rename(root / "data.csv")

    swap_at_open(monkeypatch, swap)
    with pytest.raises(TransferError, match="exchanged"):
        open_upload("data.csv", root)


@posix
def test_a_file_swapped_for_a_fifo_does_not_hang(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "data.csv").write_text("data")

    def swap() -> None:
        (root / "data.csv").unlink()
        os.mkfifo(root / "data.csv")

    swap_at_open(monkeypatch, swap)
    with pytest.raises(TransferError, match="pipe"):
        open_upload("data.csv", root)


@posix
@pytest.mark.parametrize("call", [1, 2])
def test_a_directory_swapped_for_a_link_is_not_followed(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "secret.txt").write_text("harmless")

    def swap() -> None:
        (root / "sub").rename(root / "away")
        (root / "sub").symlink_to(outside)

    swap_at_open(monkeypatch, swap, call=call)
    with pytest.raises(TransferError, match="a link is in the way"):
        open_upload("sub/secret.txt", root)


@posix
def test_a_file_with_several_hard_links_opens(root: Path) -> None:
    (root / "one").write_text("both")
    os.link(root / "one", root / "two")
    assert read("two", root) == b"both"


@posix
def test_a_fifo_is_refused_at_once(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(TransferError, match="pipe"):
        open_upload("pipe", root)


@posix
def test_a_socket_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(TransferError, match="socket"):
            open_upload("socket", root)


@posix
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_devices_are_refused(root: Path, device: str) -> None:
    with pytest.raises(OutsideRoot):
        open_upload(device, root)
    with pytest.raises(TransferError, match="device"):
        open_upload(device, root, leave=[Path(device)])
    (root / "link").symlink_to(device)
    with pytest.raises(OutsideRoot):
        open_upload("link", root)


def test_a_folder_is_refused(root: Path) -> None:
    (root / "sub").mkdir()
    with pytest.raises(TransferError, match="-r"):
        open_upload("sub", root)


@pytest.mark.parametrize("name", ["missing.csv", "sub/missing.csv", "x" * 300, "nul\0nul", ""])
def test_what_is_no_file_is_an_error(root: Path, name: str) -> None:
    with pytest.raises(TransferError):
        open_upload(name, root)


def test_a_file_in_the_place_of_a_folder_is_an_error(root: Path) -> None:
    (root / "file").touch()
    with pytest.raises(TransferError):
        open_upload("file/x", root)


@posix
def test_an_unreadable_file_is_an_error(root: Path) -> None:
    (root / "locked.csv").write_text("data")
    (root / "locked.csv").chmod(0)
    if os.geteuid():
        with pytest.raises(TransferError, match="permission denied"):
            open_upload("locked.csv", root)
        return
    # The superuser reads everything, so somebody else tries.
    code = f"""
        import os, pathlib
        from aca_kernel.errors import TransferError
        from aca_kernel.transfers.local_files import open_upload
        os.chdir("/")
        root = pathlib.Path({str(root)!r})
        for parent in [root, *root.parents][:4]:
            os.chmod(parent, 0o755)
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        try:
            open_upload("locked.csv", root)
        except TransferError as error:
            print(error.what)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert "permission denied" in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        "prod.env",
        ".netrc",
        "_netrc",
        "id_rsa",
        "ID_ED25519",
        "server.pem",
        "SERVER.KEY",
        "cert.pfx",
        "cert.p12",
        "credentials",
        "credentials.json",
        "accessTokens.json",
        "kernel-1234.json",
        ".git/config",
        ".ssh/known_hosts",
    ],
)
def test_secrets_need_force(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("secret")
    with pytest.raises(TransferError, match="--force"):
        open_upload(name, root)
    assert read(name, root, force=True) == b"secret"


@posix
def test_a_secret_behind_a_harmless_link_needs_force(root: Path) -> None:
    (root / ".env").write_text("secret")
    (root / "data.txt").symlink_to(".env")
    with pytest.raises(TransferError, match="--force"):
        open_upload("data.txt", root)


@posix
def test_a_root_below_a_hidden_folder_is_no_secret(tmp_path: Path) -> None:
    root = tmp_path.resolve() / ".hidden" / "notebooks"
    root.mkdir(parents=True)
    (root / "data.csv").write_text("data")
    assert read("data.csv", root) == b"data"


def test_force_does_not_lift_the_root(root: Path, outside: Path) -> None:
    with pytest.raises(OutsideRoot):
        open_upload(outside / "secret.txt", root, force=True)


@posix
def test_no_descriptor_is_left_open(root: Path, outside: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "x").touch()
    os.mkfifo(root / "sub" / "pipe")
    before = len(list(Path("/dev/fd").iterdir()))
    for name in ("sub/x", "sub/pipe", "sub/none/x", "sub", "../outside/secret.txt"):
        with contextlib.suppress(TransferError):
            open_upload(name, root).stream.close()
    assert len(list(Path("/dev/fd").iterdir())) == before


@posix
def test_where_directories_cannot_be_held_open_links_are_judged_all_the_same(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_files, "HAS_DIR_FD", False)
    (root / "sub").mkdir()
    (root / "sub" / "x").write_text("x")
    (root / "link").symlink_to(outside)
    assert read("sub/x", root) == b"x"
    with pytest.raises(OutsideRoot):
        open_upload("link/secret.txt", root)

    def swap() -> None:
        (root / "sub" / "x").unlink()
        (root / "sub" / "x").symlink_to(outside / "secret.txt")

    swap_at_open(monkeypatch, swap)
    with pytest.raises(TransferError, match="a link is in the way"):
        open_upload("sub/x", root)
