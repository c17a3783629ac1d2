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
from aca_kernel.pool.files import delete, download, find_file
from aca_kernel.pool.names import check_name, check_path
from aca_kernel.pool.patience import Cancelled, Patience
from aca_kernel.pool.sources import Progress
from aca_kernel.pool.uploads import (
    UPLOAD_LIMIT,
    learn_limit,
    place,
    upload,
    upload_in_parts,
)

__all__ = [
    "API_VERSIONS",
    "DEFAULT_API_VERSION",
    "DEFAULT_SCOPE",
    "DEFAULT_SUFFIXES",
    "UPLOAD_LIMIT",
    "Cancelled",
    "Endpoint",
    "Execution",
    "Patience",
    "PoolClient",
    "PoolMetadata",
    "Progress",
    "RemoteFile",
    "SessionInfo",
    "TokenSource",
    "check_identifier",
    "check_name",
    "check_path",
    "delete",
    "download",
    "find_file",
    "learn_limit",
    "parse_endpoint",
    "place",
    "shorten",
    "upload",
    "upload_in_parts",
]
