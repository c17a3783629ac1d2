"""What kernel.json runs: ``python -m aca_kernel -f CONNECTION_FILE``."""

from __future__ import annotations

import gc
import sys

if __name__ == "__main__":
    # `-m` puts the working directory first, which is the notebook's: a file `requests.py`
    # beside a notebook must not run on this machine. kernel.json sets PYTHONSAFEPATH, which
    # Python heeds from 3.11 on; then there is nothing to take away.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]

    import warnings

    gc.disable()  # of what imports make, nothing is garbage

    # They guess a text's encoding: megabytes that requests would import and nothing here uses.
    sys.modules["chardet"] = sys.modules["charset_normalizer"] = None  # type: ignore[assignment]
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")

    from aca_kernel.jupyter.prewarm import begin

    files = begin(sys.argv[1:])

    from aca_kernel.jupyter.app import AzureSessionsKernelApp

    AzureSessionsKernelApp.files = files

    gc.freeze()
    gc.enable()

    AzureSessionsKernelApp.launch_instance()
