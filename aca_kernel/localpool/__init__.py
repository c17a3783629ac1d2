"""The local pool: a session pool on this machine, with the REST API of the service."""
