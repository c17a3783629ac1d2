"""%upload against a real pool."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aca_kernel.errors import TransferError, UsageError
from aca_kernel.transfers.local_files import OutsideRoot

from .magics_bench import Bench, RunningPool, open_bench

MIB = 2**20


@pytest.fixture
def bench(local_pool: RunningPool, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(local_pool, tmp_path) as opened:
        yield opened


def test_a_file_arrives_and_the_line_says_where(bench: Bench) -> None:
    (bench.root / "data.csv").write_bytes(b"a,b\n1,2\n")
    bench.run("upload", "data.csv")
    assert bench.text == "data.csv → /mnt/data/data.csv  8 Bytes\n"
    assert bench.displays == []
    assert bench.python("print(open('/mnt/data/data.csv').read())") == "a,b\n1,2"


def test_an_empty_file_arrives(bench: Bench) -> None:
    (bench.root / "empty").touch()
    bench.run("upload", "empty")
    assert bench.python("import os; print(os.path.getsize('/mnt/data/empty'))") == "0"


@pytest.mark.parametrize("name", ["with space.csv", "자료.csv", "100%.csv", "a#b&c;d.csv"])
def test_odd_names_arrive(bench: Bench, name: str) -> None:
    (bench.root / name).write_text(name)
    bench.run("upload", f'"{name}"')
    assert bench.remote() == [name]


def test_as_and_to_name_the_target(bench: Bench) -> None:
    (bench.root / "local.csv").write_text("x")
    bench.run("upload", "local.csv --as there.csv --to /mnt/data/deep/er/")
    assert bench.text.startswith("local.csv → /mnt/data/deep/er/there.csv")
    assert bench.remote() == ["deep/er/there.csv"]


def test_a_glob_sends_what_it_matches(bench: Bench) -> None:
    for name in ("a.csv", "b.csv", "c.txt", ".hidden.csv"):
        (bench.root / name).write_text(name)
    (bench.root / "folder.csv").mkdir()
    bench.run("upload", "*.csv")
    assert sorted(bench.remote()) == ["a.csv", "b.csv"]
    assert "left out folder.csv: a folder" in bench.text


def test_a_glob_below_folders_sends_into_one(bench: Bench) -> None:
    for name in ("d/a.csv", "d/e/b.csv"):
        (bench.root / name).parent.mkdir(exist_ok=True)
        (bench.root / name).write_text(name)
    bench.run("upload", "**/*.csv --to all")
    assert sorted(bench.remote()) == ["all/a.csv", "all/b.csv"]


def test_a_name_with_brackets_is_first_of_all_a_name(bench: Bench) -> None:
    (bench.root / "a[1].csv").write_text("x")
    bench.run("upload", "a[1].csv --as a1.csv")
    assert bench.remote() == ["a1.csv"]


def test_a_glob_that_matches_nothing_is_an_error(bench: Bench) -> None:
    with pytest.raises(TransferError, match=r"No file matches \*\.csv"):
        bench.run("upload", "*.csv")


def test_a_folder_arrives_with_its_folders(bench: Bench) -> None:
    for name in ("data/a.csv", "data/deep/b.csv", "data/.hidden", "data/deep/key.pem"):
        (bench.root / name).parent.mkdir(exist_ok=True)
        (bench.root / name).write_text(name)
    if os.name != "nt":
        (bench.root / "data" / "link").symlink_to("/etc")
        (bench.root / "data" / "passwd").symlink_to("/etc/passwd")
    bench.run("upload", "-r data")
    assert sorted(bench.remote()) == ["data/a.csv", "data/deep/b.csv"]
    assert bench.text.count("left out") == 4
    assert "left out data/passwd: a link" in bench.text
    bench.run("upload", "-r data --to again --force")
    assert "again/data/.hidden" in bench.remote()
    assert "again/data/passwd" not in bench.remote()


def test_the_notebooks_own_folder_is_sent_without_a_name(bench: Bench) -> None:
    (bench.root / "a.csv").touch()
    bench.run("upload", "-r .")
    assert bench.remote() == ["a.csv"]


def test_an_empty_folder_says_so(bench: Bench) -> None:
    (bench.root / "data").mkdir()
    bench.run("upload", "-r data")
    assert bench.text == "data holds no file to send\nNothing to send.\n"
    assert not bench.session.life.may_exist


def test_a_folder_needs_r(bench: Bench) -> None:
    (bench.root / "data").mkdir()
    with pytest.raises(TransferError, match="Add -r"):
        bench.run("upload", "data")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("missing.csv", "missing.csv"),
        ("bad?.csv missing.csv", "2 of 2"),
        ("good.csv b'ad.csv", "split"),
        ("bad*name.csv", "bad*name.csv"),
        ("good.csv --as ..", "'..'"),
        ("good.csv --as a/b", "'a/b'"),
        ("good.csv --to ../up", "up"),
        ("good.csv --to /etc", "etc"),
        ("good.csv --to a.b", "a.b"),
        ("good.csv good.csv --as '<b>'", "<b>"),
        ("good.csv other/good.csv", "would both become"),
    ],
)
def test_bad_names_are_refused_before_anything_is_sent(
    bench: Bench, arguments: str, what: str
) -> None:
    (bench.root / "good.csv").touch()
    (bench.root / "bad*name.csv").touch()
    (bench.root / "other").mkdir()
    (bench.root / "other" / "good.csv").touch()
    with pytest.raises((TransferError, UsageError)) as refused:
        bench.run("upload", arguments)
    assert what in str(refused.value)
    assert not bench.session.life.may_exist


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("*.csv", ["bad*name.csv"]),
        ("good.csv missing.csv other.csv", ["missing.csv"]),
        ("good.csv .env nothing?.csv other.csv", [".env", "nothing?.csv"]),
    ],
)
def test_a_file_that_can_not_go_does_not_keep_the_others(
    bench: Bench, arguments: str, names: list[str]
) -> None:
    for name in ("good.csv", "other.csv", "bad*name.csv", ".env"):
        (bench.root / name).touch()
    with pytest.raises(TransferError) as failed:
        bench.run("upload", arguments)
    count = len(names)
    assert failed.value.what.startswith(f"{count} of {count + 2} files were not sent:")
    for name in names:
        assert f"\n  {name}: " in failed.value.what
    assert failed.value.left == "2 arrived."
    assert sorted(bench.remote()) == ["good.csv", "other.csv"]


def test_as_is_for_one_file(bench: Bench) -> None:
    for name in ("a.csv", "b.csv"):
        (bench.root / name).touch()
    with pytest.raises(UsageError, match="--as names one file"):
        bench.run("upload", "*.csv --as c.csv")


def test_a_file_outside_needs_leave(bench: Bench) -> None:
    outside = bench.root.with_name("outside.csv")
    outside.write_text("x")
    with pytest.raises(OutsideRoot, match="ACA_TRANSFER_ROOT"):
        bench.run("upload", "../outside.csv")
    with pytest.raises(OutsideRoot):
        bench.run("upload", "../outside.csv", answer="n")
    assert not bench.session.life.may_exist
    bench.run("upload", f"'{outside}'", answer="y")
    assert len(bench.questions) == 1
    assert str(outside) in bench.questions[0]
    assert bench.remote() == ["outside.csv"]


def test_secrets_are_not_sent(bench: Bench) -> None:
    (bench.root / ".env").write_text("secret")
    with pytest.raises(TransferError, match="--force"):
        bench.run("upload", ".env")
    bench.run("upload", ".env --force")
    assert bench.remote() == [".env"]


def test_a_file_above_the_services_limit_arrives_whole(bench: Bench) -> None:
    with (bench.root / "big.bin").open("wb") as big:
        big.truncate(129 * MIB)
        big.seek(100 * MIB)
        big.write(b"middle")
    bench.run("upload", "big.bin --to deep")
    assert bench.remote() == ["deep/big.bin"]
    code = (
        "with open('/mnt/data/deep/big.bin', 'rb') as big:\n"
        "    big.seek(100 * 2**20); print(big.read(6), big.seek(0, 2))"
    )
    assert bench.python(code) == f"b'middle' {129 * MIB}"
    first, last = bench.displays[0], bench.displays[-1]
    assert first["text/plain"].startswith("big.bin  ")
    assert last["text/plain"].startswith("big.bin → /mnt/data/deep/big.bin  135.3 MB in ")
    assert bench.text == ""


def test_an_interrupted_upload_stops_and_says_what_had_arrived(bench: Bench) -> None:
    (bench.root / "small.csv").write_text("x")
    with (bench.root / "wide.bin").open("wb") as wide:
        wide.truncate(120 * MIB)
    (bench.root / "zlast.csv").write_text("x")
    bench.run_interrupted("upload", "small.csv wide.bin zlast.csv")
    assert bench.text.startswith("small.csv → /mnt/data/small.csv")
    assert bench.displays[-1]["text/plain"] == "1 of 3 files had arrived; cancelled"
    assert bench.remote() == ["small.csv"]


def test_an_interrupted_upload_leaves_no_staged_files(bench: Bench) -> None:
    folder = bench.root / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("x")
    with (folder / "b.bin").open("wb") as wide:
        wide.truncate(120 * MIB)
    bench.run_interrupted("upload", "-r data")
    assert bench.remote() == ["data/a.csv"]


def test_what_arrived_and_what_did_not_is_told(bench: Bench) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (bench.root / name).write_text(name)
    bench.python("import os; os.makedirs('/mnt/data/there/b.csv')")
    with pytest.raises(TransferError) as failed:
        bench.run("upload", "a.csv b.csv c.csv --to there")
    assert failed.value.what.startswith("1 of 3 files were not sent:\n  there/b.csv: ")
    assert "a directory of that name exists" in failed.value.what
    assert failed.value.left == "2 arrived."
    assert "a.csv → /mnt/data/there/a.csv" in bench.text
    assert sorted(bench.remote()) == ["there/a.csv", "there/c.csv"]
