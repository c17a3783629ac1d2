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

    gc.disable()  # of what imports make, nothing is garbage

    from aca_kernel.early import begin

    begin(sys.argv[1:])

    from aca_kernel.app import AzureSessionsKernelApp

    gc.freeze()
    gc.enable()

    AzureSessionsKernelApp.launch_instance()
