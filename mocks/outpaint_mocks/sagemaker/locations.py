"""Places in S3: what their addresses mean, and how SageMaker names the files it writes there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote

_ADDRESS: Final = re.compile(r"(s3|https)://([^/]+)/?(.*)", re.DOTALL)
_HOST: Final = re.compile(r"(?:(?P<bucket>.+?)\.)?s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?(?::\d+)?")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a key, or the prefix of keys."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> Self:
        """From s3://bucket/key, or https with the bucket before or after S3's host; raises `ValueError`."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError(f"{address} is no S3 address: use s3://bucket/key")
        scheme, authority, path = found.groups()
        if scheme == "s3":
            return cls(authority, path)
        host = _HOST.fullmatch(authority)
        if host is None:
            raise ValueError(f"{address} is no address of S3: use s3://bucket/key")
        path = unquote(path)
        if host["bucket"]:
            return cls(host["bucket"], path)
        bucket, _, key = path.partition("/")
        return cls(bucket, key)

    def under(self, *names: str | None) -> S3Location:
        """A key below this prefix."""
        parts = [self.key, *(name for name in names if name)]
        return S3Location(self.bucket, "/".join(part.strip("/") for part in parts if part.strip("/")))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def output_name(inference_id: str) -> str:
    """The file of a finished inference that was given no `Filename`."""
    return f"{_NOT_IN_NAMES.sub('-', inference_id)}.out"


def failure_name(inference_id: str) -> str:
    """The file of a failed inference."""
    return f"{_NOT_IN_NAMES.sub('-', inference_id)}-error.out"
