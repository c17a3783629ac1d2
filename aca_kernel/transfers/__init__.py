"""Files on their way between this machine and a session."""
