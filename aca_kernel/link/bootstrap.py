"""The one execute call that puts the guest into a session interpreter."""

from __future__ import annotations

import base64
import hashlib
import zlib
from functools import cache
from importlib import resources

from ..pool.staging import OWN_CALL

__all__ = ["bootstrap_code", "exchange_code"]

_INSTALL = """
import base64, sys, types, zlib
shell = get_ipython()
package = sys.modules.get({name!r})
share = None
if package is None or package.relay.version != {version!r} or not package.relay.alive:
    if package is not None:
        share = package.relay.share
        sys.modules[{name!r} + ".doors"].remove(shell, package.relay)
    package = sys.modules[{name!r}] = types.ModuleType({name!r})
    package.__path__ = []
    try:
        for part, source in {sources!r}:
            module = sys.modules[{name!r} + "." + part] = types.ModuleType({name!r} + "." + part)
            module.__package__ = {name!r}
            text = zlib.decompress(base64.b64decode(source)).decode("utf-8")
            exec(compile(text, "<" + module.__name__ + ">", "exec"), module.__dict__)
        package.relay = module.install(shell, {mark!r}, {version!r}, share)
    except BaseException:
        for part in [part for part in sys.modules if part.split(".")[0] == {name!r}]:
            del sys.modules[part]
        raise
answer = package.relay.exchange({hello!r})[0]
for way in ("stdout", "result"):
    sys.modules[{name!r} + ".doors"].publish(shell, answer, way)
"""

_NAME = "_aca_kernel_link"


@cache
def _sources() -> tuple[tuple[tuple[str, str], ...], str]:
    """The guest's modules, packed, and a version that changes with them."""
    parts = []
    for part in ("protocol", "counts", "spill", "routed", "guestkernel", "guest", "doors"):
        text = resources.files(__package__).joinpath(f"{part}.py").read_bytes()
        parts.append((part, base64.b64encode(zlib.compress(text, 9)).decode("ascii")))
    version = hashlib.sha256("".join(source for _, source in parts).encode()).hexdigest()[:12]
    return tuple(parts), version


def bootstrap_code(hello: str, mark: str) -> str:
    """Code that installs the guest when it is not there in this version, and answers ``hello``.

    The answer comes both printed and as the result, so that the client can see which way holds.
    No name is left in the session interpreter's namespace, and no Out.
    """
    sources, version = _sources()
    source = _INSTALL.format(name=_NAME, version=version, sources=sources, hello=hello, mark=mark)
    return f"{OWN_CALL}exec({source!r}, {{}})"


def exchange_code(frame: str) -> str:
    """Code that carries a frame: a comment, so that a session without the guest does nothing."""
    return f"#{frame}"
