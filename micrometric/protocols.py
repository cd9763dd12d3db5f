"""The file systems of fsspec behind URLs: which one, with which options, and how it is installed.

Credentials, profiles and endpoints are those that the file systems find themselves, in the
environment and the usual files. Nothing of theirs is imported before a URL is read.
"""

from __future__ import annotations

import os
from typing import Any

from micrometric.download import unreadable
from micrometric.errors import PathError
from micrometric.fetched import shown_url
from micrometric.spec import hint

_COMMANDS = {
    "s3": ("s3fs", "'micrometric[s3]'"),
    "s3a": ("s3fs", "'micrometric[s3]'"),
    "gs": ("gcsfs", "'micrometric[remote]' gcsfs"),
    "gcs": ("gcsfs", "'micrometric[remote]' gcsfs"),
    "az": ("adlfs", "'micrometric[remote]' adlfs"),
    "abfs": ("adlfs", "'micrometric[remote]' adlfs"),
    "abfss": ("adlfs", "'micrometric[remote]' adlfs"),
}
"""What reading a protocol needs, and what pip is to install for it."""
_USUAL = ("s3", "gs", "az", "https", "file")
WEB = ("http", "https")
_CONNECT_SECONDS = 10
_READ_SECONDS = 30
_TRIES = 3


def open_protocol(protocol: str, url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and what it calls the path."""
    told = shown_url(url)
    package, command = _COMMANDS.get(protocol, ("fsspec", "'micrometric[remote]'"))
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(protocol)
    except ValueError:
        raise PathError(
            f"cannot read {told!r}: there is no protocol {protocol!r}{hint(protocol, _USUAL)}"
        ) from None
    except ImportError as error:
        missing = getattr(error.__cause__ or error, "name", None) or package
        if protocol not in _COMMANDS and missing not in ("fsspec", "aiohttp"):
            command = f"{command} {missing}"
        raise PathError(
            f"reading {told!r} needs {missing}; install it with: pip install {command}"
        ) from None
    try:
        options = kind._get_kwargs_from_urls(url) | _options(protocol)
        # Listings of a moment ago may be wrong by now.
        return kind(use_listings_cache=False, **options), str(kind._strip_protocol(url))
    except Exception as error:  # noqa: BLE001 - file systems raise what they like
        raise unreadable(told, error) from None


def _options(protocol: str) -> dict[str, Any]:
    """Return what makes a file system give up in time; what the user configured wins."""
    from fsspec.config import conf

    configured = conf.get(protocol, {})
    if protocol in ("s3", "s3a"):
        limits: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
        }
        if "AWS_MAX_ATTEMPTS" not in os.environ:
            limits["retries"] = {"total_max_attempts": _TRIES, "mode": "standard"}
        # One stream a file: parts that are fetched apart may be of two versions of it.
        return {
            "max_concurrency": 1,
            "config_kwargs": limits | configured.get("config_kwargs", {}),
        }
    if protocol in WEB:
        import aiohttp

        # By default a download may take five minutes in all, however well it goes.
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS
        )
        ours = {"timeout": timeout, "trust_env": True, "headers": {"Accept-Encoding": "identity"}}
        return {"client_kwargs": ours | configured.get("client_kwargs", {})}
    return {}
