"""The commands of ``aca-kernel``, one file each; :mod:`.cli` puts them together."""
