"""``python -m aca_kernel.localpool``: the same as ``aca-kernel pool``."""

from .command import main

main()
