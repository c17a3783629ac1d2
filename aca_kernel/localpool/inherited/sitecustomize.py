"""What a Python that a session without isolation starts begins with: the session's /mnt/data.

Python imports the first ``sitecustomize`` on its path, so the next one is imported from here.
"""

import importlib.machinery
import importlib.util
import os
import sys


def _next_one() -> None:
    """Import the ``sitecustomize`` that would have been imported without this one."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as early as can be
    paths = [path for path in sys.path if os.path.abspath(path) != here]  # noqa: PTH100
    found = importlib.machinery.PathFinder.find_spec("sitecustomize", paths)
    if found is not None and found.loader is not None:
        module = importlib.util.module_from_spec(found)
        sys.modules["sitecustomize"] = module
        found.loader.exec_module(module)


def _map() -> None:
    data = os.environ.get("ACA_LOCAL_POOL_DATA", "")
    start = os.path.join(  # noqa: PTH118
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))),  # noqa: PTH100, PTH120
        "session_start.py",
    )
    spec = importlib.util.spec_from_file_location("_aca_session_start", start)
    if data and spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.map_mnt_data(data)


_map()
_next_one()
