"""The kernels of tests/kernel, for tests of what may not happen."""

from tests.kernel.conftest import _own_jupyter_folders, start_kernel

__all__ = ["_own_jupyter_folders", "start_kernel"]
