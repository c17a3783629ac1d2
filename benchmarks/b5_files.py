"""B5: files to and from a session, by %upload and %download, beside curl and LangChain's tool."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .kernels import OURS, Kernel, kernel
from .measure import Figure, Goal, Row, in_turns, median, timed
from .pools import API, Pool, langchain_tool, pool

KB, MB = 1000, 1_000_000
SIZES = {"1 KB": (KB, 9), "10 MB": (10 * MB, 5), "128 MB": (128 * MB, 3), "1 GB": (1000 * MB, 9)}
PART = 100 * 2**20
LIMIT = 128 * 2**20
MEMORY = Path("/dev/shm")  # noqa: S108  # Linux: a folder that is no disk's
ROOM = 8000 * MB
"""Free bytes, of memory too, from which on the local files are kept there."""


@dataclass
class _Files:
    """One file of ``size`` bytes here, and its ways to the session and back."""

    pool: Pool
    one: Kernel
    tool: Any
    folder: Path
    size: int

    @property
    def source(self) -> Path:
        return self.folder / "up.bin"

    def make(self) -> None:
        """Write the file: random bytes, repeated."""
        block = os.urandom(min(self.size, MB))
        with self.source.open("wb") as file:
            for _ in range(max(1, self.size // len(block))):
                file.write(block)

    def upload(self) -> float:
        return self.one.run(f"%upload {self.source.name} --force").seconds

    def download(self) -> float:
        target = self._new(f"back/{self.source.name}")
        took = self.one.run(f"%download {self.source.name} --to back").seconds
        _whole(target, self.size)
        return took

    def curl_upload(self) -> float:
        began = time.perf_counter()
        if self.size <= LIMIT:
            self._curl("-F", f"file=@{self.source}", self._url("/files"))
        else:  # what the service takes at once; joining them would come on top
            for offset in range(0, self.size, PART):
                length = min(PART, self.size - offset)
                self._curl(
                    *("-F", "file=@-;filename=part.bin", self._url("/files")),
                    piped=f"tail -c +{offset + 1} '{self.source}' | head -c {length}",
                )
        return time.perf_counter() - began

    def curl_download(self) -> float:
        target = self._new("curl.bin")
        began = time.perf_counter()
        self._curl("-o", str(target), self._url("/files/up.bin/content"))
        took = time.perf_counter() - began
        _whole(target, self.size)
        return took

    def tool_upload(self) -> float:
        return timed(lambda: self.tool.upload_file(local_file_path=str(self.source)))

    def tool_download(self) -> float:
        target = self._new("tool.bin")
        return timed(
            lambda: self.tool.download_file(remote_file_path="up.bin", local_file_path=str(target))
        )

    def _new(self, path: str) -> Path:
        """A local path where nothing is: to free an earlier file is no part of a download."""
        target = self.folder / path
        target.unlink(missing_ok=True)
        return target

    def _url(self, path: str) -> str:
        return f"{self.pool.endpoint}{path}?api-version={API}&identifier={self._identifier}"

    @property
    def _identifier(self) -> str:
        return "bench-of-files"

    def _curl(self, *arguments: str, piped: str = "") -> None:
        command = ["curl", "-sS", "--fail", "-K", "-", "--cacert", self.pool.certificate]
        config = f'header = "Authorization: Bearer {self.pool.token}"\n'
        if not piped:
            subprocess.run(
                [*command, *arguments], input=config, text=True, check=True, capture_output=True
            )
            return
        file = self.folder / "curl.config"
        file.write_text(config)
        command[command.index("-K") + 1] = str(file)
        with subprocess.Popen(["sh", "-c", piped], stdout=subprocess.PIPE) as source:
            subprocess.run(
                [*command, *arguments], stdin=source.stdout, check=True, capture_output=True
            )


def measure() -> Iterator[Row]:
    """A row for each size and direction, then one for the memory that transfers take.

    The local files are kept in memory where there is room for them: how a disk takes a gigabyte
    depends on what it was given the minute before. So what a disk takes is in no figure, though
    %download waits for it and curl does not.
    """
    with tempfile.TemporaryDirectory(dir=_place()) as name, pool(ready=2) as near:
        folder, most = Path(name), 0.0
        variables = {"ACA_SESSION_ID": "bench-of-files", "ACA_TRANSFER_ROOT": name}
        with kernel(OURS, near.environment | variables, cwd=folder) as one:
            one.start()
            one.run("6*7")
            tool = langchain_tool(near)
            tool.execute("6*7")
            for case, (size, rounds) in SIZES.items():
                files = _Files(near, one, tool, folder, size)
                files.make()
                before = _reset_peak(one)
                for direction, ways in _ways(files).items():
                    found = in_turns(ways, rounds)
                    yield _row(f"{direction} of {case}", size, found)
                most = max(most, _peak(one) - before)
            yield Row(
                number="B5",
                case="extra resident memory of the kernel, at most, over all sizes",
                ours=Figure(most, "MB"),
                goals=(Goal("at most 32 MB", most, 32, "MB"),),
            )


def _place() -> Path | None:
    """Where to keep the local files; None for where temporary files go."""
    if not MEMORY.is_dir():
        return None
    free = min(psutil.virtual_memory().available, psutil.disk_usage(str(MEMORY)).free)
    return MEMORY if free > ROOM else None


def _ways(files: _Files) -> dict[str, dict[str, Callable[[], float]]]:
    up: dict[str, Callable[[], float]] = {"ours": files.upload, "curl": files.curl_upload}
    down: dict[str, Callable[[], float]] = {"ours": files.download, "curl": files.curl_download}
    if files.size <= LIMIT:
        up["LangChain's tool"] = files.tool_upload
        down["LangChain's tool"] = files.tool_download
    return {"upload": up, "download": down}


def _row(case: str, size: int, found: dict[str, list[float]]) -> Row:
    middle = {name: median(values) for name, values in found.items()}
    took = middle.pop("ours")

    def figure(seconds: float) -> Figure:
        small = size < MB
        return Figure(1000 * seconds, "ms") if small else Figure(size / MB / seconds, "MB/s")

    return Row(
        number="B5",
        case=case,
        ours=figure(took),
        beside={name: figure(seconds) for name, seconds in middle.items()},
        goals=(Goal("at least 0.9 x curl's rate", middle["curl"] / took, 0.9, is_floor=True),),
    )


def _whole(path: Path, size: int) -> None:
    found = path.stat().st_size
    if found != size:
        raise RuntimeError(f"{path.name} came back with {found} bytes, not {size}")


def _reset_peak(one: Kernel) -> float:
    """Have the peak of resident memory counted anew; megabytes in use now."""
    Path(f"/proc/{one.process.pid}/clear_refs").write_text("5")
    return float(one.process.memory_info().rss) / MB


def _peak(one: Kernel) -> float:
    status = Path(f"/proc/{one.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return float(line.split()[1]) * 1024 / MB
