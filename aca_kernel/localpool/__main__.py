"""``python -m aca_kernel.localpool``: the same as ``aca-kernel pool``."""

from ..commands.pool import main

main()
