"""The execute calls that put the guest into a session, look for it, and take it away."""

from __future__ import annotations

import base64
import hashlib
import secrets
import zlib
from functools import cache
from importlib import resources

from .. import guest
from ..guest.protocol import PARTS
from ..pool.staging import OWN_CALL

__all__ = ["bootstrap_code", "bootstrap_parts", "exchange_code", "look_code", "withdraw_code"]

_INSTALL = """
import sys, types
shell = get_ipython()
package = sys.modules.get({name!r})
share = None
if package is None or package.relay.version != {version!r} or not package.relay.alive:
    if package is not None:
        share = package.relay.share
        package.relay.withdraw()
    package = sys.modules[{name!r}] = types.ModuleType({name!r})
    package.__path__ = []
    try:
        for part, source in {sources!r}:
            module = sys.modules[{name!r} + "." + part] = types.ModuleType({name!r} + "." + part)
            module.__package__ = {name!r}
            exec(compile(source, "<" + module.__name__ + ">", "exec"), module.__dict__)
        package.relay = module.install(shell, {mark!r}, {version!r}, share)
    except BaseException:
        for part in [part for part in sys.modules if part.split(".")[0] == {name!r}]:
            del sys.modules[part]
        if hasattr(shell, "history_manager") and hasattr(module, "forget"):
            module.forget(shell, {mark!r})
        raise
calls = sys.modules[{name!r} + ".plain_calls"]
calls.hook(shell, package.relay, {mark!r})
answer = package.relay.exchanges.answer({hello!r})[0]
for way in ("stdout", "result"):
    calls.publish(shell, answer, way)
"""

_LOOK = """
import json, sys
package = sys.modules.get({name!r})
boot = package.relay.boot if package is not None and package.relay.alive else ""
content = {{"name": "stdout", "text": {mark!r} + json.dumps({{"boot": boot}})}}
kernel = get_ipython().kernel
kernel.send_response(kernel.iopub_socket, "stream", content)
"""

_WITHDRAW = """
import sys
package = sys.modules.get({name!r})
if package is not None:
    package.relay.withdraw()
"""

_NAME = "_aca_kernel_link"
_FILES = (
    "protocol",
    "counts",
    "spill",
    "requests",
    "captures",
    "routed",
    "living",
    "guest_kernel",
    "exchanges",
    "relay",
    "plain_calls",
)


@cache
def _sources() -> tuple[tuple[tuple[str, str], ...], str]:
    """The guest's modules, and a version that changes with them."""
    parts = tuple(
        (part, resources.files(guest).joinpath(f"{part}.py").read_text("utf-8")) for part in _FILES
    )
    version = hashlib.sha256("".join(source for _, source in parts).encode()).hexdigest()[:12]
    return parts, version


def _packed(hello: str, mark: str) -> str:
    sources, version = _sources()
    source = _INSTALL.format(name=_NAME, version=version, sources=sources, hello=hello, mark=mark)
    return base64.b64encode(zlib.compress(source.encode("utf-8"), 9)).decode("ascii")


def _running(packed: str) -> str:
    """Code that runs what the expression ``packed`` unpacks to, and leaves no name behind."""
    text = f'__import__("zlib").decompress(__import__("base64").b64decode({packed}))'
    return f'{OWN_CALL}__import__("builtins").exec({text}.decode(), {{}})'


def bootstrap_code(hello: str, mark: str) -> str:
    """Code that installs the guest when it is not there in this version, and answers ``hello``.

    The answer comes both printed and as the result, so that the client can see which way holds.
    No name is left in the session interpreter's namespace, and no Out.
    """
    return _running(repr(_packed(hello, mark)))


def bootstrap_parts(hello: str, mark: str, size: int) -> list[str]:
    """The same in several pieces of code, each of about ``size`` characters, to run in order.

    Each may be run again; the answer comes of the last one.
    """
    packed = _packed(hello, mark)
    key = secrets.token_hex(4)
    store = f'__import__("sys").__dict__.setdefault({PARTS!r}, {{}})'
    pieces = [packed[begin : begin + size] for begin in range(0, len(packed), size)]
    codes = [
        f"{OWN_CALL}{store}[{key!r}, {number}] = {piece!r}" for number, piece in enumerate(pieces)
    ]
    joined = f'"".join({store}[{key!r}, number] for number in range({len(pieces)}))'
    return [*codes, _running(joined)]


def look_code(mark: str) -> str:
    """Code that prints ``mark`` and then, in JSON, the boot id of the guest that is there."""
    return _running(_literal(_LOOK.format(name=_NAME, mark=mark)))


def withdraw_code() -> str:
    """Code that takes the guest away and leaves the session interpreter as it was before."""
    return _running(_literal(_WITHDRAW.format(name=_NAME)))


def _literal(source: str) -> str:
    return repr(base64.b64encode(zlib.compress(source.strip().encode("utf-8"), 9)).decode("ascii"))


def exchange_code(frame: str) -> str:
    """Code that carries a frame: a comment, so that a session without the guest does nothing."""
    return f"#{frame}"
