"""Pictures in S3: private, read and sent by signed URL, deleted by the bucket's lifecycle."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError

from outpaint.contracts.errors import OutpaintError
from outpaint.contracts.storage_names import (
    INPUTS_PREFIX,
    OUTCOMES_PREFIX,
    answer_prefix,
    failure_prefix,
    is_file_id,
    outcome_name,
)
from outpaint.functions.aws.aws_clients import (
    NO_OBJECT,
    PICTURE_STORE,
    Clients,
    code_of,
    read_object,
    typed_errors,
)
from outpaint.functions.service.ports import Clock
from outpaint.functions.service.records import StoredPicture, UploadForm, UploadGrant

_LOG: Final = logging.getLogger("outpaint.aws")
_ACCOUNT: Final = "account-id"
_EXPIRES: Final = "expires-at"
_INFERENCE: Final = "inference-id"
_AT_A_TIME: Final = 16
_DELETED_AT_ONCE: Final = 1000
"""Objects that one DeleteObjects takes at most (docs/facts/aws.md#storage)."""


class S3Pictures:
    """The Pictures and UploadForms ports on one bucket; a file's key is its name.

    An object's metadata hold its account, when it expires and the job whose result it is. A painter's results may
    lack all but the account: they expire `lifetime` seconds after they were written, which is no later than their
    job. A file without an account belongs to none.
    """

    def __init__(self, clients: Clients, bucket: str, clock: Clock, lifetime: float) -> None:
        self._clients = clients
        self._bucket = bucket
        self._clock = clock
        self._lifetime = lifetime

    def put(self, name: str, picture: StoredPicture) -> None:
        with typed_errors(PICTURE_STORE):
            self._clients.s3.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=picture.data,
                ContentType=picture.media_type,
                Metadata=_metadata(picture.account_id, picture.expires_at, picture.inference_id),
            )

    def get(self, name: str, now: float) -> StoredPicture | None:
        if not name:
            return None  # botocore would not even send it
        found = read_object(self._clients, self._bucket, name)
        if found is None:
            return None
        data, answer = found
        metadata = answer["Metadata"]
        expires_at = _time(metadata.get(_EXPIRES)) or answer["LastModified"].timestamp() + self._lifetime
        if expires_at <= now:
            return None
        account_id = unquote(metadata.get(_ACCOUNT, ""))
        return StoredPicture(data, answer["ContentType"], account_id, expires_at, metadata.get(_INFERENCE))

    def delete(self, name: str) -> None:
        """Raises nothing: where it fails, the bucket's lifecycle deletes the file."""
        try:
            self._clients.s3.delete_object(Bucket=self._bucket, Key=name)
        except (ClientError, BotoCoreError) as error:
            _LOG.warning("%s was not deleted and is left to the bucket's lifecycle: %s", name, error)

    def url(self, name: str, until: float) -> str:
        """Signed here, without a call to AWS."""
        seconds = max(1, int(until - self._clock.now()))
        with typed_errors(PICTURE_STORE):
            url: str = self._clients.s3.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": name}, ExpiresIn=seconds
            )
        return url

    def purge(self, now: float) -> int:  # noqa: ARG002 - the bucket itself does it
        """Nothing to do: the bucket's lifecycle deletes what has expired, at no cost."""
        return 0

    def erase(self, inference_id: str, names: Iterable[str]) -> int:
        """The job's inputs and message, its files by name, and what the painter and SageMaker wrote of its end."""
        own = (
            f"{INPUTS_PREFIX}{inference_id}/",
            outcome_name(inference_id),
            answer_prefix(inference_id),
            failure_prefix(inference_id),
        )
        # Where SageMaker wrote is known by location; its names begin with no job's.
        plain = (name.removeprefix(f"s3://{self._bucket}/") for name in names)
        others = (name for name in plain if is_file_id(name) or name.startswith(OUTCOMES_PREFIX))
        return self._delete_all({key for prefix in (*own, *others) for key in self._keys(prefix)})

    def erase_account(self, account_id: str) -> int:
        """Asks S3 for the owner of every object that is no job's input or outcome: a call for each."""
        from concurrent.futures import ThreadPoolExecutor  # for operators alone, and no matter of a cold start

        def is_own(key: str) -> bool:
            with typed_errors(PICTURE_STORE):
                try:
                    metadata = self._clients.s3.head_object(Bucket=self._bucket, Key=key)["Metadata"]
                except ClientError as error:
                    if code_of(error) in NO_OBJECT:
                        return False
                    raise
            return unquote(metadata.get(_ACCOUNT, "")) == account_id

        keys = [key for key in self._keys("") if is_file_id(key)]
        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            own = {key for key, mine in zip(keys, threads.map(is_own, keys), strict=True) if mine}
        return self._delete_all(own)

    def _keys(self, prefix: str) -> Iterator[str]:
        """The names of all objects that begin so, page after page."""
        more: dict[str, str] = {}
        while True:
            with typed_errors(PICTURE_STORE):
                listed = self._clients.s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
            for found in listed.get("Contents", []):
                yield found["Key"]
            if not listed.get("IsTruncated"):
                return
            more = {"ContinuationToken": listed["NextContinuationToken"]}

    def _delete_all(self, keys: set[str]) -> int:
        ordered = sorted(keys)
        for first in range(0, len(ordered), _DELETED_AT_ONCE):
            chunk = ordered[first : first + _DELETED_AT_ONCE]
            with typed_errors(PICTURE_STORE):
                answer = self._clients.s3.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in chunk], "Quiet": True}
                )
            for refused in answer.get("Errors", []):
                _LOG.error("the picture store keeps %s: %s", refused.get("Key"), refused.get("Message"))
                raise OutpaintError.unavailable(
                    f"the picture store keeps {refused.get('Key')} ({refused.get('Code')}): erase it once more"
                )
        return len(keys)

    def form(self, name: str, grant: UploadGrant, now: float) -> UploadForm:
        """A presigned POST: S3 itself refuses other sizes, types and names."""
        fields = {
            "Content-Type": grant.media_type,
            **{f"x-amz-meta-{key}": value for key, value in _metadata(grant.account_id, grant.expires_at).items()},
        }
        conditions: list[Any] = [{field: value} for field, value in fields.items()]
        conditions.append(["content-length-range", 1, grant.max_bytes])
        with typed_errors(PICTURE_STORE):
            post = self._clients.s3.generate_presigned_post(
                self._bucket, name, Fields=fields, Conditions=conditions, ExpiresIn=max(1, int(grant.until - now))
            )
        return UploadForm(post["url"], post["fields"])


def _metadata(account_id: str, expires_at: float, inference_id: str | None = None) -> dict[str, str]:
    # Metadata is ASCII; account ids are, but for those that a person has chosen.
    metadata = {_ACCOUNT: quote(account_id), _EXPIRES: repr(expires_at)}
    return metadata if inference_id is None else metadata | {_INFERENCE: inference_id}


def _time(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
