"""Questions about files: their names, directories, and how soon they are there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from ..errors import UnexpectedAnswer
from ..pool.answers import parse_file, parse_json
from ..pool.raw import RawAnswer
from .answered import brief, refusal_of
from .bench import Bench, Session
from .experiment import Experiment, Finding, NotSettled

__all__ = ["EXPERIMENTS"]

_NAMES = (
    "with space.txt",
    "hash#.txt",
    "per%20cent.txt",
    "semi;colon&co=.txt",
    "plus+quote'.txt",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{CJK UNIFIED IDEOGRAPH-65E5}.txt",
    ".hidden",
    "long-" + "x" * 195,
)
_LEGAL = frozenset(_NAMES) - {"plus+quote'.txt"}


def _odd_names(bench: Bench) -> Finding:
    session = bench.session()
    facts: dict[str, Any] = {}
    bad = []
    for number, name in enumerate(_NAMES):
        content = f"content {number}".encode()
        sent = session.upload(name, content)
        words = refusal_of(sent)
        if 200 <= sent.status < 300:
            stored = _stored_name(sent)
            got = session.read(name)
            same = got.status == 200 and got.body == content
            words = "works" if same else f"stored, but reading it: {refusal_of(got)}"
            if stored != name:
                words += f"; the answer names it {stored!r}"
        facts[ascii(name)[1:-1][:40]] = words
        if name in _LEGAL and words != "works":
            bad.append(ascii(name)[1:-1][:20])
    listed = session.names()
    facts["listed under the name that was sent"] = sum(name in listed for name in _NAMES)
    facts["listed"] = [ascii(name)[1:-1][:40] for name in sorted(listed)]
    return Finding(
        answer=f"These do not work: {', '.join(bad)}." if bad else "All legal names work.",
        holds=not bad,
        facts=facts,
    )


def _stored_name(answer: RawAnswer) -> str:
    try:
        return parse_file(parse_json(answer.body)).name
    except UnexpectedAnswer:
        return "(no name)"


def _name_case(bench: Bench) -> Finding:
    session = bench.session()
    for name in ("aca-Case.txt", "aca-case.txt"):
        _sent(session, name, name.encode())
    upper = session.read("aca-Case.txt")
    listed = session.names()
    two = upper.body == b"aca-Case.txt" and {"aca-Case.txt", "aca-case.txt"} <= set(listed)
    return Finding(
        answer="Names that differ in case are two files." if two else "They are one file.",
        holds=two,
        facts={"listed": listed, "the first one holds": upper.body[:40].decode("utf-8", "replace")},
    )


def _sent(session: Session, name: str, content: bytes, *, path: str = "") -> RawAnswer:
    answer = session.upload(name, content, path=path)
    if not 200 <= answer.status < 300:
        raise NotSettled(f"an upload was answered {refusal_of(answer)}")
    return answer


_WALK = """
import json, os
found = []
for top in ("/mnt/data", os.getcwd(), "/app"):
    for folder, _, files in os.walk(top):
        found += [os.path.join(folder, name) for name in files if name == "aca-deep.txt"]
        if len(found) > 5:
            break
print(json.dumps({"found": sorted(set(found))}))
"""


def _directories(bench: Bench) -> Finding:
    bench.need("directories")
    session = bench.session()
    facts: dict[str, Any] = {}
    sent = session.upload("aca-deep.txt", b"deep", path="a/b")
    facts["upload into a/b"] = refusal_of(sent)
    told = session.tell(_WALK).get("found")
    found = [str(one) for one in told] if isinstance(told, list) else []
    facts["where the session finds it"] = found
    read = session.read("aca-deep.txt", path="a/b")
    facts["reading it"] = refusal_of(read) if read.body != b"deep" else "works"
    facts["listing a/b"] = _list(session, path="a/b")
    facts["listing the root"] = _list(session)
    if bench.client.supports("recursive"):
        facts["listing recursively"] = _list(session, recursive=True)
    gone = session.call("DELETE", "/files/a")
    facts["deleting a directory"] = refusal_of(gone)
    works = (
        found == ["/mnt/data/a/b/aca-deep.txt"]
        and facts["reading it"] == "works"
        and "aca-deep.txt" in json.dumps(facts["listing a/b"])
    )
    return Finding(
        answer=f"A file for a/b is at {', '.join(found) or 'no place that was looked at'}.",
        holds=works,
        facts=facts,
    )


def _list(session: Session, **more: Any) -> Any:
    try:
        entries = session.listing(**more)
    except NotSettled as error:
        return str(error)
    wanted = ("name", "directory", "type", "sizeinbytes")
    return [{key: entry[key] for key in wanted if key in entry} for entry in entries[:10]]


def _full_paths(bench: Bench) -> Finding:
    session = bench.session()
    path = "/mnt/data/aca-path.txt"
    sent = session.upload(path, b"path")
    facts: dict[str, Any] = {
        "upload named by its full path": refusal_of(sent),
        "the answer names it": _stored_name(sent),
        "listed": session.names(),
    }
    legacy = bench.is_legacy
    for name, encoded in (("percent-encoded", quote(path, safe="")), ("as it is", path)):
        target = f"/files/content/{encoded}" if legacy else f"/files/{encoded}/content"
        read = session.call("GET", target)
        facts[f"reading it by its full path, {name}"] = (
            "works" if read.body == b"path" else refusal_of(read)
        )
    plain = session.read("aca-path.txt")
    facts["reading it by its name"] = "works" if plain.body == b"path" else refusal_of(plain)
    taken = 200 <= sent.status < 300
    return Finding(
        answer=f"It is taken, and listed as {', '.join(facts['listed']) or 'nothing'}."
        if taken
        else f"No: an upload named so is refused with {brief(refusal_of(sent))}.",
        facts=facts,
    )


def _file_life(bench: Bench) -> Finding:
    session = bench.session()
    name = "aca-life.txt"
    facts: dict[str, Any] = {}
    sent = _sent(session, name, b"first")
    facts["upload"] = refusal_of(sent)
    facts["fields of its answer"] = _fields(sent)
    described = None
    if bench.client.supports("file_metadata"):
        described = session.call("GET", f"/files/{name}")
        facts["its metadata at once"] = refusal_of(described)
        facts["fields of the metadata"] = _fields(described)
        facts["its size there"] = _size(described)
    facts["listed at once"] = name in session.names()
    _sent(session, name, b"second one")
    read = session.read(name)
    facts["after a second upload"] = "replaced" if read.body == b"second one" else "kept"
    late = False
    if described is not None:
        again = session.call("GET", f"/files/{name}")
        facts["its size then"] = _size(again)
        late = described.status != 200 or _size(described) != 5 or _size(again) != 10
    if bench.client.supports("delete_file"):
        facts["deleting it"] = refusal_of(session.call("DELETE", f"/files/{name}"))
        facts["listed after that"] = name in session.names()
        facts["deleting it again"] = refusal_of(session.call("DELETE", f"/files/{name}"))
        facts["its metadata after that"] = refusal_of(session.call("GET", f"/files/{name}"))
    facts["reading a missing file"] = refusal_of(session.read(name + ".not"))
    holds = not late and facts["listed at once"] and facts["after a second upload"] == "replaced"
    return Finding(
        answer=f"A file's metadata {'is late or wrong' if late else 'is there at once'}; a second"
        f" upload {'replaces it' if facts['after a second upload'] == 'replaced' else 'does not'}.",
        holds=holds,
        facts=facts,
    )


def _fields(answer: RawAnswer) -> Any:
    try:
        value = parse_json(answer.body)
    except UnexpectedAnswer:
        return f"no JSON, {len(answer.body)} bytes"
    if isinstance(value, dict):
        return {str(key): type(item).__name__ for key, item in value.items()}
    return type(value).__name__


def _size(answer: RawAnswer) -> int | None:
    try:
        return parse_file(parse_json(answer.body)).size
    except UnexpectedAnswer:
        return None


EXPERIMENTS = (
    Experiment(
        name="names of files",
        question="Which odd names can a file have?",
        section="9",
        assumption="All names work that Learn allows.",
        module="aca_kernel/pool/names.py",
        means="Files of such names do not arrive. Give them a plain name with --as.",
        calls=17,
        run=_odd_names,
    ),
    Experiment(
        name="case of names",
        question="Are names that differ only in case the same file?",
        section="9",
        assumption="They are two files.",
        module="aca_kernel/magics/upload.py",
        means="Of two such files one replaces the other.",
        calls=4,
        run=_name_case,
    ),
    Experiment(
        name="directories",
        question="Does the path of a call for files mean a directory in /mnt/data?",
        section="9",
        assumption="They do, in uploads too; uploads of ours go to the root all the same.",
        module="aca_kernel/pool/files.py",
        means="Files in directories may not be found: use the root of /mnt/data.",
        calls=7,
        run=_directories,
    ),
    Experiment(
        name="full paths",
        question="Does a full path do where a file's name is asked?",
        section="9",
        calls=5,
        run=_full_paths,
    ),
    Experiment(
        name="life of a file",
        question="Is a file described at once, replaced by a second upload, and gone when deleted?",
        section="9",
        assumption="Its size is right at once, and a second upload replaces it.",
        module="aca_kernel/pool/files.py",
        means="Transfers may end with an error although the file arrived. Look with %files.",
        calls=11,
        run=_file_life,
    ),
)
