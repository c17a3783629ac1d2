"""Kinds of cells and requests: each is run by a local ipykernel and by ours, in this order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One request; ``content`` is added to an execute_request's, or is all of another's."""

    name: str
    group: str
    code: str = ""
    request: str = "execute_request"
    content: Mapping[str, Any] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    """What the user types, one answer for each question."""


_CELLS: dict[str, dict[str, str]] = {
    "results": {
        # Here it is off: its first completion takes seconds of the kernel's own thread.
        "no jedi": "%config IPCompleter.use_jedi = False",
        "int": "6 * 7",
        "string": "'text'",
        "empty string": "''",
        "None": "None",
        "bytes": "b'\\x00\\xff'",
        "float nan": "float('nan')",
        "complex": "1 + 2j",
        "list": "[1, [2, 3], {'a': 4}]",
        "dict": "{'b': 1, 'a': {'c': None}}",
        "long list": "list(range(2000))",
        "long string": "'x' * 5000",
        "tuple": "1, 2, 3",
        "set": "{1}",
        "function": "def function(a, b=2):\n    'Its text.'\n    return a\nfunction",
        "class": "class Thing:\n    pass\nThing",
        "object": "class Shown:\n    def __repr__(self): return 'Shown()'\nShown()",
        "repr raises": "class Bad:\n    def __repr__(self): raise ValueError('no repr')\nBad()",
        "repr is no text": "class Bad2:\n    def __repr__(self): return 5\nBad2()",
        "repr of many lines": "class Lines:\n    def __repr__(self): return 'a\\nb'\nLines()",
        "unicode": "'é🎉 ñ 中'",
        "escapes": "'\\x1b[31mred\\x1b[0m'",
        "semicolon": "6 * 7;",
        "last of two": "1\n2",
        "assignment": "x = 5",
        "walrus": "(y := 5)",
        "underscore": "_",
        "two underscores": "__",
        "Out": "Out[1]",
        "In": "len(In) > 3",
        "html repr": "class H:\n    def _repr_html_(self): return '<b>bold</b>'\nH()",
        "markdown repr": "class M:\n    def _repr_markdown_(self): return '**bold**'\nM()",
        "latex repr": "class L:\n    def _repr_latex_(self): return '$x^2$'\nL()",
        "mimebundle repr": (
            "class B:\n    def _repr_mimebundle_(self, **k): return {'text/plain': 'plain'}\nB()"
        ),
        "repr of html raises": (
            "class HR:\n    def _repr_html_(self): raise ValueError('no html')\nHR()"
        ),
        "generator": "(n for n in range(3)).__class__",
        "enum": "import enum\nclass E(enum.Enum):\n    A = 1\nE.A",
        "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass D:\n    a: int = 1\nD()",
        "fraction": "import fractions; fractions.Fraction(1, 3)",
        "datetime": "import datetime; datetime.date(2026, 1, 2)",
        "path": "import pathlib; pathlib.PurePosixPath('/a/b')",
        "ellipsis": "...",
        "lambda": "(lambda: 1)()",
        "await": "import asyncio\nawait asyncio.sleep(0, 'slept')",
        "async for": "async def agen():\n    yield 1\n[n async for n in agen()]",
        "async with": (
            "class AC:\n    async def __aenter__(self): return 3\n"
            "    async def __aexit__(self, *a): pass\nasync with AC() as got: print(got)"
        ),
    },
    "streams": {
        "print": "print('text')",
        "print twice": "print('a')\nprint('b')",
        "print without end": "print('a', end='')",
        "print unicode": "print('é🎉')",
        "stderr": "import sys; print('text', file=sys.stderr)",
        "both": "print('out'); print('err', file=sys.stderr)",
        "stderr first": "print('err', file=sys.stderr, flush=True); print('out')",
        "carriage return": "print('50%\\r100%')",
        "backspace": "print('ab\\bc')",
        "many lines": "for n in range(300): print(n)",
        "long line": "print('x' * 20000)",
        "write": "sys.stdout.write('text\\n');",
        "write's result": "sys.stdout.write('text\\n')",
        "flush": "print('a', flush=True); print('b', flush=True)",
        "file descriptor": "import os; _ = os.write(1, b'raw\\n')",
        "file descriptor 2": "_ = os.write(2, b'raw\\n')",
        "child": "import subprocess; _ = subprocess.run(['echo', 'child'])",
        "child's stderr": "_ = subprocess.run(['sh', '-c', 'echo child >&2'])",
        "bang": "!echo bang",
        "bang into": "lines = !echo bang\nlines",
        "bang fails": "!exit 3",
        "os.system": "os.system('echo system')",
        "isatty": "sys.stdout.isatty()",
        "encoding": "sys.stdout.encoding",
        "fileno": "isinstance(sys.stdout.fileno(), int)",
        "redirect": (
            "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as got:\n"
            "    print('kept')\ngot.getvalue()"
        ),
        "thread": (
            "import threading\nt = threading.Thread(target=lambda: print('thread'))\n"
            "t.start(); t.join()"
        ),
        "thread with error": (
            "t = threading.Thread(target=lambda: 1 / 0)\nt.start(); t.join()\nprint('on')"
        ),
        "task": "async def talk(): print('task')\nawait asyncio.create_task(talk())",
        "logging": "import logging; logging.warning('warned')",
        "warning": "import warnings; warnings.warn('careful')",
        "half a character": "print('a\\udcff')",
        "nul": "print('a\\0b')",
        "escape": "print('\\x1b[31mred\\x1b[0m')",
        "tqdm": (
            "from tqdm import tqdm\nfor _ in tqdm(range(2), bar_format='{n_fmt}/{total_fmt}'): pass"
        ),
        "pprint": "import pprint; pprint.pprint({'a': [1, 2]})",
        "help": "help(len)",
        "capture": "%%capture got\nprint('captured')",
        "captured": "got.stdout",
        "faulthandler": "import faulthandler; faulthandler.is_enabled()",
    },
    "exceptions": {
        "zero division": "1 / 0",
        "raise": "raise ValueError('text')",
        "raise without text": "raise ValueError",
        "raise of many lines": "raise ValueError('a\\nb')",
        "unicode text": "raise ValueError('é🎉')",
        "half a character in it": "raise ValueError('\\udcff')",
        "chained": "try:\n    1 / 0\nexcept ArithmeticError as e:\n    raise KeyError('k') from e",
        "while handling": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    {}['k']",
        "in a function": "def fail(): return {}['k']\nfail()",
        "deep": "def deep(n): return deep(n - 1) if n else 1 / 0\ndeep(5)",
        "recursion": "def forever(): return forever()\nforever()",
        "syntax": "x = = 1",
        "indentation": "  x = 1\n    y = 2",
        "unclosed": "print('a'",
        "tab": "if 1:\n\tx = 1\n        y = 2",
        "name": "undefined_name",
        "attribute": "sys.undefined",
        "import": "import no_such_module",
        "assert": "assert 1 == 2, 'unequal'",
        "group": "raise ExceptionGroup('several', [ValueError('a'), KeyError('b')])",
        "notes": "e = ValueError('text'); e.add_note('noted'); raise e",
        "own class": "class Mine(Exception): pass\nraise Mine('m')",
        "str raises": (
            "class Bad3(Exception):\n    def __str__(self): raise ValueError('no')\nraise Bad3()"
        ),
        "own traceback": (
            "class Own(Exception):\n    def _render_traceback_(self): return ['rendered']\n"
            "raise Own()"
        ),
        "system exit": "raise SystemExit",
        "system exit 3": "raise SystemExit(3)",
        "sys.exit text": "sys.exit('text')",
        "keyboard interrupt": "raise KeyboardInterrupt",
        "generator exit": "raise GeneratorExit('g')",
        "base exception": "raise BaseException('base')",
        "stop iteration": "raise StopIteration(1)",
        "after output": "print('before'); 1 / 0",
        "in await": "async def bad(): raise OSError('o')\nawait bad()",
        "unicode error": "b'\\xff'.decode()",
        "os error": "open('/no/such/file')",
        "xmode minimal": "%xmode Minimal",
        "with xmode minimal": "1 / 0",
        "xmode context": "%xmode Context",
        "tb": "%tb",
        "nul byte": "a\0b",
        "very long text": "raise ValueError('x' * 50000)",
        "colours off": "%colors NoColor",
        "without colours": "1 / 0",
    },
    "displays": {
        "display int": "from IPython.display import *\ndisplay(1)",
        "display two": "display(1, 'two')",
        "display html": "display(HTML('<b>bold</b>'))",
        "html result": "HTML('<table><tr><td>1</td></tr></table>')",
        "html with script": "HTML('<script>1</script><p>text</p>')",
        "html with style": "HTML('<style>p {color: red}</style><p>text</p>')",
        "markdown": "Markdown('# Head\\n\\n*text*')",
        "latex": "Latex('$x^2$')",
        "math": "Math('x^2')",
        "json": "JSON({'a': 1})",
        "javascript": "Javascript('1')",
        "svg": 'SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><circle r="5"/></svg>\')',
        "pretty": "Pretty('pretty')",
        "raw": "display({'text/plain': 'raw'}, raw=True)",
        "raw of two": "display({'text/plain': 'raw', 'text/html': '<i>raw</i>'}, raw=True)",
        "metadata": "display({'text/plain': 'raw'}, raw=True, metadata={'a': 1})",
        "display_id": "handle = display('first', display_id='mine')",
        "update": "handle.update('second')",
        "update_display": "update_display('third', display_id='mine')",
        "handle": "handle2 = display(display_id=True)\nhandle2 is not None",
        "clear": "print('a'); clear_output(); print('b')",
        "clear and wait": "print('a'); clear_output(wait=True); print('b')",
        "nothing": "display()",
        "progress bar": "display(ProgressBar(3))",
        "code": "Code('x = 1', language='python')",
        "filelink": "FileLink('nothing.txt')",
        "geojson": "GeoJSON({'type': 'Point', 'coordinates': [1, 2]})",
        "youtube": "YouTubeVideo('abc')",
        "iframe": "IFrame('https://example.com', 100, 100)",
        "png": (
            "import base64\npng = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
            "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')\nImage(png)"
        ),
        "png with size": "Image(png, width=20, height=10)",
        "audio": "Audio(data=b'RIFF' + bytes(40), rate=8000)",
        "dataframe": "import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', 'é']})",
        "series": "pd.Series([1, 2], name='s')",
        "plot": "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2]);",
        "figure": "fig, ax = plt.subplots(); ax.plot([1]); plt.close(fig); fig.number",
        "widget": "import ipywidgets; ipywidgets.IntSlider()",
        "displayhook": "import sys; sys.displayhook('by hand')",
        "publish": "publish_display_data({'text/plain': 'published'})",
        "unknown mime": "display({'application/x-unknown': 'x', 'text/plain': 'p'}, raw=True)",
        "link": "HTML('<a href=\"https://example.com\">a link</a>')",
    },
    "magics": {
        "lsmagic": "'upload' in str(get_ipython().magics_manager.lsmagic())",
        "who": "%who_ls int",
        "precision": "%precision 3",
        "with precision": "1 / 3",
        "precision back": "%precision",
        "env": "%env MINE=1",
        "env read": "%env MINE",
        "python": "%%python3\nprint('other python')",
        "bash": "%%bash\necho bash",
        "bash fails": "%%bash\nexit 3",
        "sh": "%%sh\necho sh",
        "script": "%%script cat\ntext",
        "writefile": "%%writefile comparison.py\nprint('ran')",
        "run": "%run comparison.py",
        "load": "%load comparison.py",
        "pycat": "%pycat comparison.py",
        "html": "%%html\n<b>bold</b>",
        "latex magic": "%%latex\n$x$",
        "markdown magic": "%%markdown\n*m*",
        "javascript magic": "%%javascript\n1",
        "alias": "%alias_magic t timeit",
        "macro": "%macro -q mac 1",
        "history": "%history 1",
        "unknown": "%no_such_magic",
        "unknown cell": "%%no_such_magic\n1",
        "question": "len?",
        "questions": "function??",
        "help of nothing": "no_such_thing?",
        "pinfo": "%pinfo len",
        "quickref": "%config InlineBackend.figure_format",
        "autocall": "%autocall 0",
        "automagic": "%automagic",
        "automagic back": "%automagic",
        "doctest_mode": "%doctest_mode",
        "doctest_mode back": "%doctest_mode",
        "matplotlib": "%matplotlib inline",
        "recall": "%recall 1",
        "rerun": "%rerun 1",
        "store": "%reload_ext IPython",
        "psearch": "%psearch functio*",
        "system": "%system echo sys",
        "sx": "%sx echo sx",
        "timeit": "%timeit -n1 -r1 -q 1",
        "prun": "%prun -q 1",
        "debug off": "%pdb off",
    },
    "payloads": {
        "set_next_input": "get_ipython().set_next_input('next cell')",
        "set_next_input replaces": "get_ipython().set_next_input('replaced', replace=True)",
        "page": "from IPython.core import page; page.page('paged')",
        "exit": "exit_of_mine = 1",
    },
    "odd": {
        "empty": "",
        "blanks": "   \n  ",
        "comment": "# nothing",
        "windows lines": "1\r\n2",
        "tabs": "if 1:\n\tprint('tab')",
        "form feed": "\x0c1",
        "no-break space": "1\u00a0+ 1",
        "emoji name": "é = 1; é",
        "long code": "\n".join(f"v{n} = {n}" for n in range(500)) + "\nv499",
        "long line of code": "x = '" + "y" * 20000 + "'; len(x)",
        "coding line": "# -*- coding: latin-1 -*-\n'é'",
        "future": "from __future__ import annotations\n1",
        "main": "__name__",
        "file": "'__file__' in globals()",
        "argv": "len(sys.argv) > 0",
        "builtins": "_ih is In",
        "signal": "import signal; signal.getsignal(signal.SIGINT) is not None",
        "cwd": "os.getcwd() != ''",
        "stdin closed": "sys.stdin.read()",
        "del underscore": "del _",
        "get_ipython": "type(get_ipython()).__name__",
    },
}


def _cells() -> Iterator[Kind]:
    for group, cells in _CELLS.items():
        for name, code in cells.items():
            yield Kind(name=name, group=group, code=code)


def _options() -> Iterator[Kind]:
    group = "options of a cell"
    yield Kind(name="silent", group=group, code="print('s'); 1", content={"silent": True})
    yield Kind(name="silent error", group=group, code="1 / 0", content={"silent": True})
    yield Kind(name="not stored", group=group, code="1", content={"store_history": False})
    yield Kind(name="count after it", group=group, code="2")
    for name, expressions in {
        "expression": {"a": "6 * 7"},
        "two expressions": {"a": "1", "b": "'text'"},
        "expression fails": {"a": "1 / 0"},
        "expression shows": {"a": "print('x')"},
        "expression is html": {"a": "HTML('<b>b</b>')"},
    }.items():
        content = {"user_expressions": expressions}
        yield Kind(name=name, group=group, code="x = 1", content=content)
    content = {"user_expressions": {"a": "1"}}
    yield Kind(name="expressions of no code", group=group, code="", content=content)
    yield Kind(name="expressions after an error", group=group, code="1 / 0", content=content)
    group = "stdin"
    for name, code, answers in (
        ("input", "input('name? ')", ("me",)),
        ("input twice", "input('a') + input('b')", ("1", "2")),
        ("getpass", "import getpass; len(getpass.getpass('secret? '))", ("12345",)),
        ("empty answer", "input()", ("",)),
        ("unicode answer", "input('ü? ')", ("é🎉",)),
        ("input in a loop", "[input(str(n)) for n in range(3)]", ("a", "b", "c")),
    ):
        yield Kind(
            name=name, group=group, code=code, answers=answers, content={"allow_stdin": True}
        )
    yield Kind(name="input not allowed", group=group, code="input()")


def _requests() -> Iterator[Kind]:
    def ask(name: str, request: str, **content: Any) -> Kind:
        return Kind(name=name, group="requests", request=request, content=content)

    def complete(code: str, cursor: int | None = None) -> dict[str, Any]:
        return {"code": code, "cursor_pos": len(code) if cursor is None else cursor}

    yield Kind(name="names for them", group="requests", code="abcdef_one = abcdef_two = 1")
    for name, code in {
        "complete name": "abcdef",
        "complete attribute": "abcdef_one.bit_l",
        "complete nothing": "no_such_thing_at_all.",
        "complete empty": "",
        "complete keyword": "impor",
        "complete magic": "%precis",
        "complete file": "open('/us",
        "complete dict key": "{'alpha': 1}['al",
        "complete import": "import jso",
    }.items():
        yield ask(name, "complete_request", **complete(code))
    yield ask("complete in the middle", "complete_request", **complete("abcdef + 1", 6))
    yield ask("complete in line two", "complete_request", **complete("1\nabcdef"))
    for name, code in {
        "inspect function": "function",
        "inspect builtin": "len",
        "inspect int": "abcdef_one",
        "inspect nothing": "no_such_thing",
        "inspect empty": "",
        "inspect call": "function(",
    }.items():
        yield ask(name, "inspect_request", **complete(code), detail_level=0)
    yield ask("inspect source", "inspect_request", **complete("function"), detail_level=1)
    for name, code in {
        "complete cell": "x = 1",
        "incomplete block": "if 1:",
        "incomplete string": "'''a",
        "invalid": "x = = 1",
        "incomplete bracket": "f(1,",
        "complete block": "if 1:\n    x = 1\n",
        "incomplete magic": "%%bash",
        "nothing to complete": "",
    }.items():
        yield ask(f"is_complete {name}", "is_complete_request", code=code)
    history = {"output": False, "raw": True}
    yield ask("history tail", "history_request", hist_access_type="tail", n=2, **history)
    yield ask(
        "history range",
        "history_request",
        hist_access_type="range",
        session=0,
        start=1,
        stop=3,
        **history,
    )
    yield ask(
        "history with outputs",
        "history_request",
        hist_access_type="range",
        session=0,
        start=1,
        stop=3,
        raw=True,
        output=True,
    )
    yield ask(
        "history search",
        "history_request",
        hist_access_type="search",
        pattern="6 \\* 7*",
        n=1,
        **history,
    )
    yield ask("comm_info", "comm_info_request")


def _unanswered() -> Iterator[Kind]:
    """Cells that ipykernel gives no reply to; the last ones, because they shift its count."""
    for name, code in {
        "deep expression": "z = " + "+".join(["1"] * 20_000),
        "half a character for the next cell": "get_ipython().set_next_input('\\ud83d')",
    }.items():
        yield Kind(name=name, group="without a reply", code=code)


KINDS: tuple[Kind, ...] = (*_cells(), *_options(), *_requests(), *_unanswered())
