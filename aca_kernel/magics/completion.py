"""What Tab completes in a line of a magic of ours. Pure: names that must be listed are given to it.

`find_place` tells what may stand at the cursor; `Place.reply` makes Jupyter's complete_reply of
the words that do, and `merged` puts the session's own magics beside ours.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..transfers.names import is_hidden
from .base import Magic, Values
from .cells import magic_line_start

__all__ = ["Name", "Place", "find_place", "merged"]

_MOST = 500
"""Matches of one reply; nobody looks through more."""

_CONTINUED = re.compile(r"\\\r?\n")


@dataclass(frozen=True, kw_only=True)
class Name:
    """A file or folder that there is, by its base name."""

    text: str
    is_folder: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """What stands at the cursor of a cell, and what may come in its place.

    ``start`` and ``end`` are offsets in the cell's text. ``choices`` are known words, of the
    ``type`` that front ends show. ``values`` is the kind of names to list, None for none; they
    are in ``folder`` (as the user typed it, with its last slash), and for names of the session
    below ``base`` of /mnt/data.
    """

    start: int
    end: int
    type: str = ""
    choices: tuple[str, ...] = ()
    values: Values | None = None
    folder: str = ""
    stem: str = ""
    quote: str = ""
    base: str = ""

    @property
    def is_magic_name(self) -> bool:
        """Whether the session's own magics may stand here as well."""
        return self.type == "magic"

    def reply(self, names: Iterable[Name] = ()) -> dict[str, Any]:
        """The content of a complete_reply with the choices and those of ``names`` that fit."""
        found = [(choice, self.type) for choice in self.choices]
        for name in sorted(names, key=lambda name: name.text):
            is_wanted = name.is_folder or self.values not in ("local folder", "session folder")
            is_shown = not is_hidden([name.text]) or self.stem.startswith(".")
            if is_wanted and is_shown and name.text.startswith(self.stem):
                text = f"{self.folder}{name.text}{'/' if name.is_folder else ''}"
                text = f"./{text}" if text.startswith("-") else text  # or it were an option
                kind = "folder" if name.is_folder else "file"
                found.append((_quoted(text, self.quote), kind))
        found = found[:_MOST]
        return {
            "status": "ok",
            "matches": [text for text, _ in found],
            "cursor_start": self.start,
            "cursor_end": self.end,
            "metadata": {
                "_jupyter_types_experimental": [
                    {"start": self.start, "end": self.end, "text": text, "type": kind}
                    for text, kind in found
                ]
            },
        }


def find_place(
    code: str,
    cursor: int,
    line_magics: Mapping[str, Magic],
    cell_magics: Mapping[str, Magic],
) -> Place | None:
    """What may stand at ``cursor``; None where no magic of ours would be obeyed."""
    start = magic_line_start(code, cursor, cell_magics)
    if start is None:
        return None
    head = code[start:cursor]
    is_first = not code[:start].strip()
    named = re.fullmatch(r"(%%?)\s*(\w*)", head)
    if named is not None:
        names = [f"%{name}" for name in line_magics] if named[1] == "%" else []
        names += [f"%%{name}" for name in cell_magics] if is_first else []
        typed = named[1] + named[2]
        fitting = tuple(name for name in names if name.startswith(typed))
        return Place(start=start, end=cursor, type="magic", choices=fitting)
    called = re.match(r"(%%?)\s*(\w+)\s", head)
    if called is None:
        return None
    magic = (line_magics if called[1] == "%" else cell_magics).get(called[2])
    if magic is None or (called[1] == "%%" and not is_first):
        return None
    return _argument(magic, code, start + called.end(), cursor)


def _argument(magic: Magic, code: str, start: int, cursor: int) -> Place:
    *before, word = _words(code[start:cursor])
    parser, action, given = _expected(magic.parser(), [each.text for each in before])
    at = start + word.start
    if word.text.startswith("-") and not word.quote:
        options = [name for one in parser._actions for name in one.option_strings]
        fitting = [name for name in options if name.startswith(word.text)]
        return Place(start=at, end=cursor, type="option", choices=tuple(fitting))
    if action is None:
        return Place(start=at, end=cursor)
    if action.choices is not None:
        fitting = [str(choice) for choice in action.choices if str(choice).startswith(word.text)]
        return Place(start=at, end=cursor, type="keyword", choices=tuple(fitting))
    slash = max(word.text.rfind(separator) for separator in ("/", os.sep)) + 1
    # JupyterLab closes a quote as it is typed: the match brings its own.
    is_closed = word.quote and code[cursor : cursor + 1] == word.quote
    base = given.get("directory", []) if action.dest != "directory" else []
    return Place(
        start=at,
        end=cursor + 1 if is_closed else cursor,
        values=magic.completes.get(action.dest),
        folder=word.text[:slash],
        stem=word.text[slash:],
        quote=word.quote,
        base="".join(base[:1]),
    )


@dataclass
class _Word:
    """A word of a line: where it starts, what it means, and the quote that is still open."""

    start: int
    text: str = ""
    quote: str = ""


def _words(line: str) -> list[_Word]:
    """The words of a line that may end anywhere; the last is the one at its end, maybe empty.

    As `split_arguments` splits them, which wants a line that is whole.
    """
    escape = "" if os.name == "nt" else "\\"
    words: list[_Word] = []
    word: _Word | None = None
    index = 0
    while index < len(line):
        letter = line[index]
        quote = word.quote if word is not None else ""
        gap = _CONTINUED.match(line, index)
        if not quote and (gap is not None or letter in " \t\r\n"):
            if word is not None:
                words.append(word)
            word = None
            index += len(gap[0]) if gap is not None else 1
            continue
        word = word or _Word(start=index)
        following = line[index + 1 : index + 2]
        if letter == quote:
            word.quote = ""
        elif letter == escape and following and (not quote or (quote + following) in ('""', '"\\')):
            word.text += following
            index += 1
        elif not quote and letter in "'\"":
            word.quote = letter
        else:
            word.text += letter
        index += 1
    return [*words, word or _Word(start=len(line))]


def _expected(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> tuple[argparse.ArgumentParser, argparse.Action | None, dict[str, list[str]]]:
    """The parser and the argument that the next word belongs to, and the words by argument.

    argparse tells its arguments to nobody in public; argcomplete and shtab read them so, too.
    """
    given: dict[str, list[str]] = {}
    open_ = _positionals(parser)
    option: argparse.Action | None = None
    for word in words:
        if word in parser._option_string_actions:
            option = parser._option_string_actions[word]
            option = None if option.nargs == 0 else option
        elif option is not None:
            option = None if option.nargs is None else option
        elif open_:
            action = open_[0]
            given.setdefault(action.dest, []).append(word)
            if isinstance(action, argparse._SubParsersAction):
                if word not in action.choices:
                    return parser, None, given
                parser = action.choices[word]
                open_ = _positionals(parser)
            elif action.nargs != "+":
                open_ = open_[1:]
    return parser, option or (open_[0] if open_ else None), given


def _positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not action.option_strings]


def _quoted(text: str, quote: str) -> str:
    """``text`` as one word of a line, within ``quote`` where one has been typed."""
    if not quote and not re.search(r"[\s\"'\\]", text):
        return text
    mark = quote or '"'
    is_plain = mark not in text and (mark == "'" or os.name == "nt" or "\\" not in text)
    return f"{mark}{text}{mark}" if is_plain else shlex.quote(text)


def merged(own: Mapping[str, Any], theirs: Mapping[str, Any], code: str) -> dict[str, Any]:
    """Our reply and the session's as one; what the session says about other text is left out."""
    start, end = theirs.get("cursor_start"), theirs.get("cursor_end")
    matches = theirs.get("matches")
    if not isinstance(matches, list) or not isinstance(start, int) or end != own["cursor_end"]:
        return dict(own)
    lead = code[own["cursor_start"] : start] if start >= own["cursor_start"] else None
    if lead is None:
        return dict(own)
    texts = [f"{lead}{match}" for match in matches if isinstance(match, str)]
    further = [text for text in dict.fromkeys(texts) if text not in own["matches"]]
    place = {"start": own["cursor_start"], "end": own["cursor_end"], "type": "magic"}
    types = own["metadata"]["_jupyter_types_experimental"]
    return {
        **own,
        "matches": [*own["matches"], *further],
        "metadata": {
            "_jupyter_types_experimental": [*types, *({**place, "text": text} for text in further)]
        },
    }
