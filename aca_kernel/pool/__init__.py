"""The data-plane REST API of a session pool."""

from aca_kernel.pool.answers import Execution, PoolMetadata, RemoteFile, SessionInfo
from aca_kernel.pool.api import API_VERSIONS, DEFAULT_API_VERSION
from aca_kernel.pool.auth import DEFAULT_SCOPE, TokenSource
from aca_kernel.pool.client import PoolClient
from aca_kernel.pool.endpoint import (
    DEFAULT_SUFFIXES,
    Endpoint,
    check_identifier,
    parse_endpoint,
    shorten,
)
from aca_kernel.pool.files import (
    UPLOAD_LIMIT,
    Progress,
    download,
    place,
    upload,
    upload_in_parts,
)
from aca_kernel.pool.names import check_name, check_path

__all__ = [
    "API_VERSIONS",
    "DEFAULT_API_VERSION",
    "DEFAULT_SCOPE",
    "DEFAULT_SUFFIXES",
    "UPLOAD_LIMIT",
    "Endpoint",
    "Execution",
    "PoolClient",
    "PoolMetadata",
    "Progress",
    "RemoteFile",
    "SessionInfo",
    "TokenSource",
    "check_identifier",
    "check_name",
    "check_path",
    "download",
    "parse_endpoint",
    "place",
    "shorten",
    "upload",
    "upload_in_parts",
]
