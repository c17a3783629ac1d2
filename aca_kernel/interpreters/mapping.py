"""An answer of the execute API as notebook messages. Pure."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

from ..errors import FILES_STAY, ExecutionFailed
from ..messages import CellRequest, Output, Reply, error_reply
from ..outputs.images import ImageRefused, png_image
from ..outputs.notices import notice_output
from ..pool import Execution, tracebacks
from ..pool.refusal_texts import clean
from .endings import LESS_DATA

__all__ = [
    "DEFAULT_OUTPUT_LIMIT",
    "OUTPUT_LIMIT",
    "PYTHON_DIED",
    "map_execution",
    "may_be_empty_text",
    "result_text",
    "service_failure",
]

OUTPUT_LIMIT = 20_000_000
"""Characters of each stream that the service is asked for (outputStreamsMaxLength)."""

PYTHON_DIED = "kernel restarted"
"""What the service says, in some case, when the session's Python died (docs/service.md 4.4)."""

USUAL_LIMITS = (32_767, 65_535, 123_456)
"""Lengths at which a service may cut a stream beside thousands and multiples of 1,024."""

LONGEST_READ = 100_000
"""Characters of a cell above which it is not read for what its last line may show."""

TEXT_CALLS = frozenset(dir(str)) | {"str", "repr", "input", "getenv", "read", "readline", "group"}
TEXT_NODES = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.JoinedStr,
    ast.BinOp,
    ast.BoolOp,
    ast.IfExp,
)
"""Expressions whose value may be an empty text."""

DEFAULT_OUTPUT_LIMIT = 4096
"""Where the service cuts a stream when it cannot be asked for more (docs/service.md 6)."""


def map_execution(
    execution: Execution, request: CellRequest, *, limit: int, shown: str = ""
) -> tuple[list[Output], Reply]:
    """The messages of one execution in order, and its reply.

    ``limit`` is the length at which the service cut the streams; ``shown`` is what Python
    shows for a string result, "" when the result is none (the service takes its quotes off).
    """
    outputs = [
        *_missing(execution, is_shown=bool(shown)),
        *_stream("stdout", execution.stdout, limit),
    ]
    if execution.succeeded:
        outputs += _stream("stderr", execution.stderr, limit)
        outputs += _result(execution.result, request, shown)
        return outputs, Reply()
    error = tracebacks.parse(execution.stderr)
    if error is None:
        reply = error_reply(service_failure(execution.stderr, execution.status))
    else:
        outputs += _stream("stderr", error.stderr, limit)
        reply = Reply(
            status="error",
            ename=error.ename,
            evalue=error.evalue,
            traceback=tracebacks.coloured(error),
        )
    outputs.append(reply.error_output())
    return outputs, reply


def _missing(execution: Execution, *, is_shown: bool) -> list[Output]:
    """What to say of what the answer has no field for; ``is_shown``: the result came otherwise."""
    if not execution.succeeded:
        return []
    texts = []
    names = [name for name in ("stdout", "stderr") if name in execution.lacks]
    if names:
        texts.append(
            f"The service's answer has no {' and no '.join(names)}: what the cell wrote there is"
            " lost. Write it to a file in /mnt/data and %download that."
        )
    if "result" in execution.lacks and not is_shown:
        texts.append(
            "The service's answer has no field for results: a picture of this cell, or what else it"
            " displayed, is not shown. Save it to a file in /mnt/data and %download that."
        )
    return [notice_output(text) for text in texts]


def result_text(value: Any) -> str | None:
    """A result that is no image as Python would show it, but for the quotes of a string.

    None when there is nothing to show: the service sends null or "" for that.
    """
    if value is None or value == "":
        return None
    try:
        return value if isinstance(value, str) else repr(value)
    except RecursionError:
        return "<a value that is nested too deeply to be shown>"


def may_be_empty_text(code: str) -> bool:
    """Whether code may have the result ``''``: the service sends "" for that, and for none.

    A call most often has no result, and to ask for each would cost a call: only those whose name
    says that they give text count.
    """
    if code.rstrip().endswith(";") or len(code) > LONGEST_READ:
        return False
    try:
        body = ast.parse(textwrap.dedent(code)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    value = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    if isinstance(value, ast.Constant):
        return value.value == ""
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else ""
        name = value.func.id if isinstance(value.func, ast.Name) else name
        return name in TEXT_CALLS
    return isinstance(value, TEXT_NODES)


def is_image(value: Any) -> bool:
    """Whether a result is the service's image object."""
    return isinstance(value, dict) and value.get("type") == "image" and "base64_data" in value


def service_failure(text: str, status: str = "") -> ExecutionFailed:
    """What a failed execution without a traceback means (docs/service.md 4.4).

    ``status`` is the service's own word for how it ended, told when it is an unusual one.
    """
    lowered = text.lower()
    if "request timed out" in lowered:
        return ExecutionFailed(
            "The service stopped waiting for this cell: a cell may run about 220 s in direct"
            " mode, or as long as execution_timeout allows.",
            left="Its output is lost, and its code may still be running. Variables and files"
            " stay as far as it got.",
            remedy="Split the cell into shorter steps, or clear the session with"
            " `%session restart`.",
        )
    if PYTHON_DIED in lowered:
        return ExecutionFailed(
            "The session's Python died and was started again, most often because it ran out"
            " of memory.",
            left=FILES_STAY,
            remedy=LESS_DATA,
        )
    if "execution aborted" in lowered:
        return ExecutionFailed(
            "The session aborted this cell: its Python ran out of memory, or an earlier call"
            " in the same session failed or timed out.",
            left="Variables may be gone; the files in /mnt/data are still there.",
            remedy="Run the cell again. If names are missing, run the notebook from the top.",
        )
    shown = "".join(c for c in text[:2000] if c.isprintable() or c in "\n\t").strip()
    is_usual = status.lower() in ("", "failed", "failure")
    word = "" if is_usual else f' Its status is "{clean(status)}".'
    if shown and is_usual:
        return ExecutionFailed(
            f"The cell failed, and this is all that the session tells: {shown}",
            left="Variables and files may have changed as far as the cell got.",
            remedy="Errors are told at length after `%xmode Context`. If these are no words of"
            " your code, run the cell again; `aca-kernel doctor` checks the pool.",
        )
    return ExecutionFailed(
        f"The service could not run this cell: {shown or 'it gave no reason'}.{word}",
        left="Variables and files may have changed as far as the cell got.",
        remedy="Run it again; `aca-kernel doctor` checks the pool.",
    )


def _stream(name: str, text: str, limit: int) -> list[Output]:
    if not text:
        return []
    outputs = [Output(msg_type="stream", content={"name": name, "text": text})]
    if len(text) >= limit:
        outputs.append(
            notice_output(
                f"{name} ends here: the service cuts a cell's {name} after"
                f" {limit:,} characters. Write long output to a file and %download it."
            )
        )
    elif _may_be_cut(text):
        outputs.append(
            notice_output(
                f"{name} may end too early: it has exactly {len(text):,} characters, as where a"
                " service cuts. Write long output to a file and %download it."
            )
        )
    return outputs


def _may_be_cut(text: str) -> bool:
    """Whether a text has the length of the default limit, or ends within a line at another one."""
    length = len(text)
    if length == DEFAULT_OUTPUT_LIMIT:
        return True
    is_round = length % 1000 == 0 or length % 1024 == 0 or length in USUAL_LIMITS
    return length >= DEFAULT_OUTPUT_LIMIT and is_round and not text.endswith("\n")


def _result(value: Any, request: CellRequest, shown: str) -> list[Output]:
    if is_image(value):
        return [_image(value)]
    text = result_text(value)
    if text is None or not request.shows_result:
        return []
    return [
        Output(
            msg_type="execute_result",
            content={
                "execution_count": request.execution_count,
                "data": {"text/plain": shown or text},
                "metadata": {},
            },
        )
    ]


_SMALLER = (
    "Save it as a file in /mnt/data and %download that, or show a smaller one as a PNG:"
    " IPython.display.Image('NAME.png')."
)


def _image(value: dict[str, Any]) -> Output:
    try:
        image = png_image(str(value["base64_data"]))
    except ImageRefused as refused:
        return notice_output(f"An image is not shown: {refused}.\n{_SMALLER}")
    return Output(
        msg_type="display_data",
        content={
            "data": {
                "image/png": image.data,
                "text/plain": f"<Image of {image.width}x{image.height} pixels>",
            },
            "metadata": {"image/png": {"width": image.width, "height": image.height}},
            "transient": {},
        },
    )
