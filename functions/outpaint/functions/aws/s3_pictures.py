"""Pictures in S3: private, read and sent by signed URL, forgotten by the bucket's lifecycle."""

from __future__ import annotations

import logging
from typing import Any, Final
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError

from outpaint.functions.aws.aws_clients import PICTURE_STORE, Clients, is_absent, told_as
from outpaint.functions.service.ports import Clock
from outpaint.functions.service.records import StoredPicture, UploadForm, UploadGrant

_LOG: Final = logging.getLogger("outpaint.aws")
_ACCOUNT: Final = "account-id"
_EXPIRES: Final = "expires-at"
_INFERENCE: Final = "inference-id"


class S3Pictures:
    """The Pictures and UploadForms ports on one bucket; a file's key is its name.

    Whose a file is, when it expires and which job's result it is stand in its metadata. A painter's results may lack
    all but the first: they expire `lifetime` seconds after they were written, which is no later than their job is
    forgotten. Without the first a file is nobody's.
    """

    def __init__(self, clients: Clients, bucket: str, clock: Clock, lifetime: float) -> None:
        self._clients = clients
        self._bucket = bucket
        self._clock = clock
        self._lifetime = lifetime

    # Pictures

    def put(self, name: str, picture: StoredPicture) -> None:
        """Store a file; S3 shows it whole or not at all."""
        with told_as(PICTURE_STORE):
            self._clients.s3.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=picture.data,
                ContentType=picture.media_type,
                Metadata=_metadata(picture.account_id, picture.expires_at, picture.inference_id),
            )

    def get(self, name: str, now: float) -> StoredPicture | None:
        """The file, unless it has expired."""
        if not name:
            return None  # botocore would not even send it
        with told_as(PICTURE_STORE):
            try:
                answer = self._clients.s3.get_object(Bucket=self._bucket, Key=name)
                data: bytes = answer["Body"].read()
            except ClientError as error:
                if is_absent(error):
                    return None
                raise
        metadata = answer["Metadata"]
        expires_at = _time(metadata.get(_EXPIRES)) or answer["LastModified"].timestamp() + self._lifetime
        if expires_at <= now:
            return None
        account_id = unquote(metadata.get(_ACCOUNT, ""))
        return StoredPicture(data, answer["ContentType"], account_id, expires_at, metadata.get(_INFERENCE))

    def delete(self, name: str) -> None:
        """Forget a file. Where that fails the bucket's lifecycle does it: nothing hangs on it, nothing is raised."""
        try:
            self._clients.s3.delete_object(Bucket=self._bucket, Key=name)
        except (ClientError, BotoCoreError) as error:
            _LOG.warning("%s was not deleted and is left to the bucket's lifecycle: %s", name, error)

    def url(self, name: str, until: float) -> str:
        """A signed URL that reads the file until then; made here, without a call."""
        seconds = max(1, int(until - self._clock.now()))
        with told_as(PICTURE_STORE):
            url: str = self._clients.s3.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": name}, ExpiresIn=seconds
            )
        return url

    def purge(self, now: float) -> int:  # noqa: ARG002 - the bucket itself does it
        """Nothing to do: the bucket's lifecycle forgets what has expired, at no cost."""
        return 0

    # UploadForms

    def form(self, name: str, grant: UploadGrant, now: float) -> UploadForm:
        """A presigned POST: S3 itself refuses other sizes, types and names, before they cost anything."""
        fields = {
            "Content-Type": grant.media_type,
            **{f"x-amz-meta-{key}": value for key, value in _metadata(grant.account_id, grant.expires_at).items()},
        }
        conditions: list[Any] = [{field: value} for field, value in fields.items()]
        conditions.append(["content-length-range", 1, grant.max_bytes])
        with told_as(PICTURE_STORE):
            post = self._clients.s3.generate_presigned_post(
                self._bucket,
                name,
                Fields=fields,
                Conditions=conditions,
                ExpiresIn=max(1, int(grant.until - now)),
            )
        return UploadForm(post["url"], post["fields"])


def _metadata(account_id: str, expires_at: float, inference_id: str | None = None) -> dict[str, str]:
    # Metadata is ASCII; account ids are, but for those that a person has chosen.
    told = {_ACCOUNT: quote(account_id), _EXPIRES: repr(expires_at)}
    return told if inference_id is None else told | {_INFERENCE: inference_id}


def _time(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
