"""aca-kernel doctor --probe: asks a pool what is not known, and writes down what it answers."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from aca_kernel.commands.probe import Probe
from aca_kernel.errors import ExecutionFailed
from aca_kernel.pool import PoolClient, TokenSource, parse_endpoint
from aca_kernel.probing.catalogue import EXPERIMENTS

from ..conftest import PoolStarter, RunningPool
from .changing import Answered, Asked, Change, Changing, Forward, refused
from .conftest import Run, reach
from .otherwise import (
    HOSTILE,
    NeverDeletes,
    OneAtATime,
    Unfinished,
    answering,
    bounded,
    early_end,
    large_answers_fail,
    late_metadata,
    lower_case,
    new_guids,
    no_directories,
    no_guids,
    one_version,
    other_figures,
    partial,
    quoted,
    replaced,
    short,
    strict,
    tail,
    too_large,
    with_html,
    without_results,
)
from .test_doctor import OTHER_KINDS

CLI = "aca_kernel.commands.cli"
PROBE = ("doctor", "--probe")
PLAN = re.compile(r"about (\d+) calls and ")
REPORT = "aca-kernel-probe-*"


@pytest.fixture(scope="module")
def pool(start_module_pool: PoolStarter) -> RunningPool:
    return start_module_pool("--max-sessions", "40")


def reports(folder: Path) -> tuple[str, dict[str, Any]]:
    """The Markdown and the JSON of the one report in a folder."""
    (markdown,) = folder.glob(f"{REPORT}.md")
    (data,) = folder.glob(f"{REPORT}.json")
    value = json.loads(data.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return markdown.read_text(encoding="utf-8"), value


def sessions_of(pool: RunningPool) -> list[str]:
    with PoolClient(parse_endpoint(pool.endpoint), TokenSource(token=pool.token)) as client:
        return [one.identifier for one in client.list_sessions()]


# -- all questions, at a pool that answers as we assume


@dataclass
class Whole:
    """One run of all questions, through a proxy that saw all of it."""

    result: subprocess.CompletedProcess[str]
    asked: list[Asked]
    markdown: str
    data: dict[str, Any]
    folder: Path
    pool: RunningPool
    left: list[str]


@pytest.fixture(scope="module")
def whole(start_module_pool: PoolStarter, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp(f"folder-{uuid.uuid4().hex}")
    pool = start_module_pool("--token", f"canary-{uuid.uuid4().hex}")
    with Changing(pool.endpoint) as proxy:
        result = subprocess.run(
            [sys.executable, "-m", CLI, *PROBE, "--yes", "--max-megabytes", "1"],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith(("ACA_", "AZURE_"))},
                "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
                "ACA_ACCESS_TOKEN": pool.token,
                "JUPYTER_CONFIG_DIR": str(folder / "config"),
            },
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        markdown, data = reports(folder)
        return Whole(result, list(proxy.asked), markdown, data, folder, pool, sessions_of(pool))


def test_every_question_is_settled_and_every_assumption_holds_at_the_local_pool(
    whole: Whole,
) -> None:
    assert whole.result.returncode == 0, whole.result.stderr
    assert whole.result.stderr == ""
    assert whole.data["not settled"] == []
    assert whole.data["do not hold"] == []
    assert [one["name"] for one in whole.data["experiments"]] == [e.name for e in EXPERIMENTS]
    for one, experiment in zip(whole.data["experiments"], EXPERIMENTS, strict=True):
        assert one["answer"]
        assert one["facts"]
        assert one["holds"] is (True if experiment.assumption else None)
    assert "Every assumption holds that was asked about." in whole.result.stdout
    for line in ("kind", "calls at once", "life of a file"):
        assert re.search(rf"^ *\d+/\d+ ok +{line} +\d+\.\d\d s  .", whole.result.stdout, re.M)


def test_the_announced_number_of_calls_is_about_right(whole: Whole) -> None:
    announced = PLAN.search(whole.result.stdout)
    assert announced
    sent = len(whole.asked)
    assert abs(int(announced[1]) - sent) <= sent / 4
    role = 2  # of the check before: a listing, and the deletion of its session
    assert whole.data["calls"] == sent - role
    for one, experiment in zip(whole.data["experiments"], EXPERIMENTS, strict=True):
        if not experiment.calls_a_size:
            expected = experiment.calls + experiment.sessions
            assert abs(one["calls"] - expected) <= max(3, expected / 4), experiment.name


def test_every_session_is_its_own_and_is_deleted(whole: Whole) -> None:
    assert whole.left == []
    used = {one.identifier for one in whole.asked if one.identifier} - {"aca"}
    assert all(name.lower().startswith("aca-kernel-probe-") for name in used)
    assert len(used) >= len(EXPERIMENTS)


def test_no_secret_is_in_the_report_or_on_the_screen(whole: Whole) -> None:
    texts = [
        whole.markdown,
        json.dumps(whole.data),
        whole.result.stdout.replace(str(whole.folder), ""),
    ]
    secrets = [whole.pool.token, str(whole.folder), str(Path.home()), sys.prefix, sys.base_prefix]
    secrets += [socket.gethostname(), *{one.identifier for one in whole.asked} - {"", "aca"}]
    if getpass.getuser() not in ("root", "user"):
        secrets.append(getpass.getuser())
    for text in texts:
        for secret in secrets:
            assert secret.lower() not in text.lower(), secret
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)  # no GUID, but its number
    assert not re.search(r"127\.0\.0\.1:\d", texts[0] + texts[1])
    assert "guid-2" in whole.markdown


def test_the_report_reads_as_markdown_and_names_where_each_answer_belongs(whole: Whole) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(whole.markdown)
    kinds = {token.type for token in tokens}
    kinds |= {child.type for token in tokens for child in token.children or ()}
    assert "table_open" in kinds
    assert not kinds & {"html_block", "html_inline", "image", "link_open", "fence", "code_block"}
    service = Path(__file__).parents[2].joinpath("docs/service.md").read_text(encoding="utf-8")
    sections = re.findall(r"^##+ ([\d.]+) ", service, re.M)
    for experiment in EXPERIMENTS:
        assert experiment.section in sections
        assert (
            not experiment.module or Path(__file__).parents[2].joinpath(experiment.module).is_file()
        )
        assert bool(experiment.assumption) == bool(experiment.module)


# -- pools that answer otherwise

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(pool: RunningPool, tmp_path: Path) -> Ask:
    """Ask some questions of a pool that ``change`` changes; gives the report's JSON."""

    def ask(only: str, change: Change, *, at: RunningPool = pool, **options: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"max_megabytes": 1, "fill": 0, **options}
        probe = Probe(output=tmp_path, force=True, only=only, **given)
        with Changing(at.endpoint, change) as proxy:
            endpoint = parse_endpoint(proxy.endpoint)
            with PoolClient(endpoint, TokenSource(token=at.token)) as client:
                probe.run(client)
        return reports(tmp_path)[1]

    return ask


def only(report: dict[str, Any]) -> dict[str, Any]:
    (one,) = report["experiments"]
    assert isinstance(one, dict)
    return one


@pytest.mark.parametrize(
    ("question", "change", "holds", "said"),
    [
        ("hook", replaced("kernel.do_execute = do_execute", "pass"), False, "went past"),
        ("versions", replaced("platform.python_version()", "'3.7.9'"), False, "Python 3.7.9"),
        ("link", too_large(20_000), True, "Not with one, which is answered HTTP 413, but with"),
        ("link", too_large(1_000), False, "No: one call is answered HTTP 413"),
        ("processes", replaced('tried("unix socket", unix)', "1"), False, "unix socket"),
        ("values", answering(without_results), False, "float"),
        ("formats", answering(quoted), None, "They change: returnJupyterFormatExecutionResult"),
        ("figures", answering(other_figures), False, ""),
        ("kinds of output", answering(with_html), False, "text/html"),
        ("fields", strict, False, "is refused"),
        ("cut streams", bounded, False, "refused: HTTP 400"),
        ("cut streams", answering(short), False, "with a limit of 20000000, the first 4096"),
        ("cut streams", answering(tail), False, "without a limit, the last 4096 characters"),
        ("after a timeout", answering(partial), False, "is kept"),
        ("calls at once", OneAtATime(), False, "refused with HTTP 409 SessionIsBusy"),
        ("unfinished answers", Unfinished(), False, "answers Running"),
        ("size of requests", too_large(24_000), False, "16 KB is taken, 32 KB is not: HTTP 413."),
        ("size of requests", too_large(300_000), True, "256 KB is taken, 512 KB is not"),
        ("size of uploads", too_large(100_000, "files"), False, "64 KB is taken, 128 KB is not"),
        ("size of answers", large_answers_fail, False, "On stdout 128 KB came whole"),
        ("identity", answering(new_guids), False, "changes from call to call"),
        ("identity", answering(no_guids), None, "is absent"),
        ("idle time", early_end, False, "GET /files"),
        ("case of identifiers", lower_case, False, "one session"),
        ("case of names", lower_case, False, "one file"),
        ("deletion", NeverDeletes(), False, "variables are still there"),
        ("life of a file", late_metadata, False, "late or wrong"),
        ("directories", no_directories, False, "/mnt/data/aca-deep.txt"),
        ("api-versions", one_version, True, "These are taken: 2025-10-02-preview."),
    ],
)
def test_a_pool_that_answers_otherwise_is_told_apart(
    ask: Ask, question: str, change: Change, holds: bool | None, said: str, tmp_path: Path
) -> None:
    report = ask(question, change)
    one = only(report)
    assert report["not settled"] == []
    assert one["holds"] is holds, one
    assert said in one["answer"]
    assert report["do not hold"] == ([question] if holds is False else [])
    if holds is False:
        markdown = reports(tmp_path)[0]
        first = markdown[markdown.index("## Assumptions that do not hold") :]
        assert f"**1. {question}**" in first[: first.index("\n## Every")]
        assert one["means"] is None or one["means"].endswith(".")


@pytest.mark.parametrize(
    ("flag", "question", "said"),
    [
        ("--PoolApp.first_image=True", "figures", "Of two figures, the first figure comes back"),
        ("--PoolApp.automatic_base64_decoding=False", "base64", "runs as it is"),
    ],
)
def test_a_local_pool_with_another_switch_is_told_apart(
    ask: Ask, start_pool: PoolStarter, flag: str, question: str, said: str
) -> None:
    other = start_pool(flag)
    assert said in only(ask(question, lambda asked, forward: forward(asked), at=other))["answer"]


@pytest.mark.parametrize("fields", [("id",), ()])
def test_answers_that_have_to_be_asked_for_settle_the_other_questions_too(
    ask: Ask, fields: tuple[str, ...]
) -> None:
    report = ask("kind, versions, hook, errors, identity, base64", Unfinished(fields))
    assert report["not settled"] == []
    assert report["do not hold"] in ([], ["identity"])


def test_a_full_pool_is_asked_for_its_headers(ask: Ask, start_pool: PoolStarter) -> None:
    def wait(asked: Asked, forward: Forward) -> Answered:
        answer = forward(asked)
        if answer.status != 429:
            return answer
        return Answered(
            status=429, body=answer.body, headers={**answer.headers, "Retry-After": "7"}
        )

    small = start_pool("--max-sessions", "2")
    one = only(ask("full pool", wait, at=small, fill=5))
    assert one["holds"] is True
    assert one["answer"].startswith("After 2 sessions the pool answers HTTP 429")
    assert one["facts"]["Retry-After"] == "7"
    assert sessions_of(small) == []
    assert ask("full pool", wait, at=small, fill=1)["not settled"] == ["full pool"]


def test_too_many_requests_say_nothing_about_a_question(ask: Ask) -> None:
    seen: set[str] = set()

    def change(asked: Asked, forward: Forward) -> Answered:
        if asked.operation in seen or len(seen) > 2:
            return forward(asked)
        seen.add(asked.operation)
        return refused(429, "TooManyRequests", "Slower.")

    assert ask("life of a file", change)["do not hold"] == []
    assert seen == {"files", "files/aca-life.txt", "files/aca-life.txt/content"}
    report = ask("room", lambda asked, forward: refused(429, "SessionsCountExceedsLimit", "Full."))
    assert report["not settled"] == ["room"]
    assert "HTTP 429 SessionsCountExceedsLimit" in only(report)["answer"]


def test_a_session_that_cannot_be_deleted_is_said(
    ask: Ask, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def change(asked: Asked, forward: Forward) -> Answered:
        if asked.method == "DELETE":
            forward(asked)
            return refused(500, "InternalServerError", "no")
        return forward(asked)

    report = ask("kind, room", change)
    assert report["sessions that could not be deleted"] == 2
    assert "2 sessions could not be deleted" in capsys.readouterr().out
    assert "could not be deleted" in reports(tmp_path)[0]


def test_no_text_of_the_service_does_anything_in_the_report(ask: Ask, tmp_path: Path) -> None:
    def change(asked: Asked, forward: Forward) -> Answered:
        if asked.fields:
            result = {"stdout": HOSTILE, "stderr": HOSTILE, "executionResult": {HOSTILE: HOSTILE}}
            body = {"status": f"Failed {HOSTILE}", "result": result, HOSTILE: 1}
            return Answered(status=200, body=json.dumps(body).encode())
        return refused(400, HOSTILE, f"{HOSTILE} {asked.identifier}")

    seen: list[str] = []

    def noting(asked: Asked, forward: Forward) -> Answered:
        seen.append(asked.identifier)
        return change(asked, forward)

    names = ", ".join(one.name for one in EXPERIMENTS if one.name != "kind")
    ask(names, noting)
    markdown, data = reports(tmp_path)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    kinds = {token.type for token in tokens}
    kinds |= {child.type for token in tokens for child in token.children or ()}
    assert not kinds & {"html_block", "html_inline", "image", "link_open"}
    both = markdown + json.dumps(data)
    for text in ("eyJhbGci", "11111111-2222", "10.1.2.3", "\x1b", "\u202e", "\x07"):
        assert text not in both
    assert not any(name and name in both for name in set(seen) - {"aca"})
    assert all(len(line) < 4000 for line in markdown.splitlines())


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'{"status": 1}', b"<html>hello</html>"])
def test_answers_of_no_known_shape_cost_nobody_a_traceback(
    ask: Ask, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ", ".join(one.name for one in EXPERIMENTS if not one.waits and one.name != "kind")
    report = ask(names, lambda asked, forward: Answered(status=200, body=body))
    assert len(report["experiments"]) == report["questions"]
    assert "Traceback" not in capsys.readouterr().out


def test_a_pool_that_goes_away_ends_it(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    def gone(asked: Asked, forward: Forward) -> None:
        return None

    report = ask("room, versions, network", gone)
    assert report["not settled"] == ["versions", "room", "network"]
    assert "3 of 3 questions could not be settled." in capsys.readouterr().out


@pytest.mark.parametrize(("change", "said"), OTHER_KINDS[:2])
def test_at_a_pool_of_another_kind_nothing_else_is_asked(
    ask: Ask, tmp_path: Path, change: Change, said: str
) -> None:
    with pytest.raises(ExecutionFailed, match=said) as raised:
        ask("kind, versions, hook", change)
    assert "--container-type PythonLTS" in raised.value.remedy
    report = reports(tmp_path)[1]
    assert [one["name"] for one in report["experiments"]] == ["kind"]
    assert said in only(report)["answer"]


# -- as a command


@pytest.fixture(scope="module")
def quiet_pool(start_module_pool: PoolStarter) -> RunningPool:
    """A pool in which nothing of another test can still run."""
    return start_module_pool()


def test_it_asks_first_and_without_a_terminal_it_needs_yes(
    aca_kernel: Run, quiet_pool: RunningPool, tmp_path: Path
) -> None:
    result = aca_kernel(*PROBE, **reach(quiet_pool))
    assert result.returncode == 2
    assert PLAN.search(result.stdout)
    assert re.search(r"\d+ to \d+ minutes", result.stdout)
    assert "--yes" in result.stderr
    assert not list(tmp_path.glob(REPORT))
    assert sessions_of(quiet_pool) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "nonsense"), "These are there: kind"),
        (("--output", "missing"), "--output"),
        (("--max-megabytes", "0"), "max_megabytes"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(
    aca_kernel: Run, quiet_pool: RunningPool, arguments: tuple[str, ...], said: str
) -> None:
    result = aca_kernel(*PROBE, "--yes", *arguments, **reach(quiet_pool))
    assert result.returncode == 2, result.stdout
    assert said in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    assert sessions_of(quiet_pool) == []


def test_a_report_is_replaced_only_with_force(
    aca_kernel: Run, quiet_pool: RunningPool, tmp_path: Path
) -> None:
    some = (*PROBE, "--yes", "--only", "room")
    assert aca_kernel(*some, **reach(quiet_pool)).returncode == 0
    before = reports(tmp_path)
    again = aca_kernel(*some, **reach(quiet_pool))
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert reports(tmp_path) == before
    assert aca_kernel(*some, "--force", **reach(quiet_pool)).returncode == 0
    assert reports(tmp_path)[0] != before[0]


def test_its_options_make_no_sense_without_it(aca_kernel: Run, quiet_pool: RunningPool) -> None:
    result = aca_kernel("doctor", "--only", "room", **reach(quiet_pool))
    assert result.returncode == 2
    assert "--probe" in result.stderr


def test_a_wrong_token_is_said_before_the_first_question(
    aca_kernel: Run, quiet_pool: RunningPool, tmp_path: Path
) -> None:
    result = aca_kernel(*PROBE, "--yes", **reach(quiet_pool) | {"ACA_ACCESS_TOKEN": "wrong"})
    assert result.returncode == 1
    assert "HTTP 401" in result.stderr
    assert not list(tmp_path.glob(REPORT))


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(("reply", "asked"), [(b"n\n", False), (b"y\n", True)])
def test_at_a_terminal_the_user_is_asked(
    environment: dict[str, str],
    quiet_pool: RunningPool,
    tmp_path: Path,
    terminal: tuple[int, int],
    reply: bytes,
    asked: bool,
) -> None:
    ours, theirs = terminal
    os.write(ours, reply)
    result = subprocess.run(
        [sys.executable, "-m", CLI, *PROBE, "--only", "room"],
        env=environment | reach(quiet_pool),
        cwd=tmp_path,
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Go on? [y/N]" in result.stdout
    assert bool(list(tmp_path.glob(REPORT))) is asked
    assert ("Nothing was asked." in result.stdout) is not asked


def test_ctrl_c_deletes_the_sessions_and_writes_what_there_is(
    environment: dict[str, str], quiet_pool: RunningPool, tmp_path: Path
) -> None:
    waiting = threading.Event()

    def change(asked: Asked, forward: Forward) -> Answered:
        if "aca_probe_busy" in asked.fields.get("code", "") or (
            "time.sleep(3)" in asked.fields.get("code", "")
        ):
            waiting.set()
        return forward(asked)

    with Changing(quiet_pool.endpoint, change) as proxy:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", CLI, *PROBE, "--yes"),
                *("--only", "room, calls at once, values"),
            ],
            env={
                **environment,
                **reach(quiet_pool),
                "ACA_POOL_MANAGEMENT_ENDPOINT": proxy.endpoint,
            },
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.wait(60)
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == ""
    assert "Stopped." in stdout
    markdown, data = reports(tmp_path)
    assert [one["name"] for one in data["experiments"]] == ["room", "values"]
    assert "Ctrl-C" in data["ended early"]
    assert "ended early" in markdown
    assert sessions_of(quiet_pool) == []
