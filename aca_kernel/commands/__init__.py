"""The commands of ``aca-kernel``, one file each; :mod:`aca_kernel.cli` puts them together."""
