"""How the kernel is configured: every option, and where it may be set."""
