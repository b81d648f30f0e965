"""The store of inputs and results: a folder or an S3 bucket."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

from outpaint.contracts.errors import ErrorCode, OutpaintError

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


class ObjectStore(Protocol):
    """Files by name, each stored whole or not at all; may be used from several threads.

    Every method raises `OutpaintError`: SOURCE_REFUSED for what is no name of a file in the store, UNAVAILABLE or
    PAINTING_FAILED where the store fails.
    """

    def get(self, name: str) -> bytes | None:
        """The file's bytes, None where there is no such file."""

    def put(self, name: str, data: bytes, media_type: str, account: str = "") -> None:
        """Store a file; the same name again replaces it. `account` is its owner, for stores that keep one."""

    def delete(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""


def checked_name(name: str) -> str:
    """The name, which is safe to append to a folder or prefix. Raises SOURCE_REFUSED where it would lead out of it."""
    if len(name) > 900 or not _NAME.fullmatch(name) or any(part.strip(".") == "" for part in name.split("/")):
        raise OutpaintError(
            ErrorCode.SOURCE_REFUSED,
            "a reference names a file of the endpoint's own store: letters, digits, . _ - and / between them",
        )
    return name


class FolderStore(ObjectStore):
    """A folder as the store, for tests and for hosts that share a disk; it is made where there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> bytes | None:
        path = self._folder / checked_name(name)
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise _store_error(error) from error

    def put(self, name: str, data: bytes, media_type: str, account: str = "") -> None:  # noqa: ARG002 - bytes alone
        """Write beside the file, then rename."""
        path = self._folder / checked_name(name)
        part = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(part).replace(path)
        except OSError as error:
            if part is not None:
                with contextlib.suppress(OSError):
                    Path(part).unlink(missing_ok=True)
            raise _store_error(error) from error

    def delete(self, name: str) -> None:
        try:
            (self._folder / checked_name(name)).unlink(missing_ok=True)
        except OSError as error:
            raise _store_error(error) from error


def _store_error(error: OSError) -> OutpaintError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutpaintError.unavailable("the store's disk is full: try again later")
    return OutpaintError(
        ErrorCode.PAINTING_FAILED, f"the store refused ({error.strerror or type(error).__name__}): try again later"
    )


_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED: Final = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})


class S3Store(ObjectStore):
    """The objects under `prefix` in a bucket; `client` is boto3's, made on first use where none is given."""

    def __init__(self, bucket: str, prefix: str = "", client: Any = None) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._client = client
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        try:
            body = self._s3().get_object(Bucket=self._bucket, Key=self._key(name))["Body"]
            data: bytes = body.read()
        except Exception as error:
            if _code(error) in _MISSING:
                return None
            raise _s3_error(error) from error
        return data

    def put(self, name: str, data: bytes, media_type: str, account: str = "") -> None:
        """One PUT, which S3 shows whole or not at all; encryption is the bucket's own setting.

        The owner is in its metadata, percent-encoded: the service looks there before it takes an object by its id.
        """
        metadata = {"account-id": quote(account)} if account else {}
        try:
            self._s3().put_object(
                Bucket=self._bucket, Key=self._key(name), Body=data, ContentType=media_type, Metadata=metadata
            )
        except Exception as error:
            raise _s3_error(error) from error

    def delete(self, name: str) -> None:
        try:
            self._s3().delete_object(Bucket=self._bucket, Key=self._key(name))
        except Exception as error:
            raise _s3_error(error) from error

    def _key(self, name: str) -> str:
        own = f"s3://{self._bucket}/{self._prefix}"
        if name.startswith(own):
            name = name[len(own) :]
        return self._prefix + checked_name(name)

    def _s3(self) -> Any:
        with self._lock:
            if self._client is None:
                import boto3
                from botocore.config import Config

                self._client = boto3.client(
                    "s3",
                    config=Config(
                        connect_timeout=3,
                        read_timeout=20,
                        retries={"mode": "standard", "max_attempts": 4},
                        max_pool_connections=32,
                    ),
                )
            return self._client


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _s3_error(error: Exception) -> OutpaintError:
    if isinstance(error, OutpaintError):
        return error
    code = _code(error)
    if code in _DENIED:
        return OutpaintError(
            ErrorCode.PAINTING_FAILED, "the endpoint may not use its bucket (access denied): its role needs mending"
        )
    if code == "NoSuchBucket":
        return OutpaintError(
            ErrorCode.PAINTING_FAILED, "the endpoint's bucket does not exist: its settings need mending"
        )
    return OutpaintError.unavailable(
        f"the object store does not answer ({code or type(error).__name__}): try again later"
    )
