"""S3 as the store; boto3 is imported here and nowhere else on this floor."""

from __future__ import annotations

import threading
from typing import Any, Final
from urllib.parse import quote

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_painting.endpoint.store import checked_name

_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED: Final = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})


class S3Store:
    """The objects under `prefix` in a bucket; `client` is boto3's, made on first use where none is given."""

    def __init__(self, bucket: str, prefix: str = "", client: Any = None) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._client = client
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        """The object's bytes, None where there is no such object."""
        try:
            body = self._s3().get_object(Bucket=self._bucket, Key=self._key(name))["Body"]
            data: bytes = body.read()
        except Exception as error:
            if _code(error) in _MISSING:
                return None
            raise _store_error(error) from error
        return data

    def put(self, name: str, data: bytes, media_type: str, account: str = "") -> None:
        """One PUT, which S3 shows whole or not at all; encryption is the bucket's own setting.

        Whose the object is stands in its metadata, percent-encoded: the service asks before it takes one by id.
        """
        metadata = {"account-id": quote(account)} if account else {}
        try:
            self._s3().put_object(
                Bucket=self._bucket, Key=self._key(name), Body=data, ContentType=media_type, Metadata=metadata
            )
        except Exception as error:
            raise _store_error(error) from error

    def delete(self, name: str) -> None:
        """Delete the object; S3 says nothing where there is none."""
        try:
            self._s3().delete_object(Bucket=self._bucket, Key=self._key(name))
        except Exception as error:
            raise _store_error(error) from error

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


def _store_error(error: Exception) -> OutpaintError:
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
    return OutpaintError(
        ErrorCode.UNAVAILABLE, f"the object store does not answer ({code or type(error).__name__}): try again later"
    )
