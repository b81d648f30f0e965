"""Pictures in S3: whose they are, until when, and what a signed URL or form allows."""

from __future__ import annotations

import base64
import json
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from botocore.session import get_session

from outpaint.functions.aws.aws_clients import Clients
from outpaint.functions.aws.s3_pictures import S3Pictures
from outpaint.functions.service.records import StoredPicture, UploadGrant
from outpaint.painting.endpoint.object_store import S3Store

NAME = "00000000-0000-4000-8000-000000000001.png"


@pytest.fixture
def pictures(cloud: Any) -> S3Pictures:
    stored = cloud.stack(watched=False).service.pictures
    assert isinstance(stored, S3Pictures)
    return stored


def test_keeps_what_it_was_given_until_it_expires(cloud: Any, pictures: S3Pictures) -> None:
    picture = StoredPicture(b"bytes", "image/png", "ann & bob ☃", cloud.clock.now() + 10.5)
    assert pictures.get(NAME, cloud.clock.now()) is None
    pictures.put(NAME, picture)
    assert pictures.get(NAME, cloud.clock.now()) == picture
    assert pictures.get(NAME, cloud.clock.now() + 10.5) is None
    pictures.put(NAME, StoredPicture(b"other", "image/webp", "bob", picture.expires_at))
    found = pictures.get(NAME, cloud.clock.now())
    assert found is not None
    assert (found.data, found.media_type, found.account_id) == (b"other", "image/webp", "bob")
    for _ in range(2):
        pictures.delete(NAME)
        assert pictures.get(NAME, cloud.clock.now()) is None
    assert pictures.purge(1e12) == 0


def test_a_result_without_a_date_expires_after_a_day_and_without_an_owner_is_nobodys(
    cloud: Any, pictures: S3Pictures
) -> None:
    client = cloud.clients(watched=False).s3
    client.put_object(Bucket=cloud.settings.bucket, Key=NAME, Body=b"x", Metadata={"expires-at": "soon"})
    written = client.head_object(Bucket=cloud.settings.bucket, Key=NAME)["LastModified"].timestamp()
    found = pictures.get(NAME, written + 24 * 3600 - 1)
    assert found is not None
    assert found.account_id == ""
    assert pictures.get(NAME, written + 24 * 3600) is None


def test_what_the_endpoint_stores_is_its_accounts(cloud: Any, pictures: S3Pictures) -> None:
    store = S3Store(cloud.settings.bucket, client=cloud.clients(watched=False).s3)
    store.put(NAME, b"painted", "image/png", account="ann & bob ☃")
    found = pictures.get(NAME, 0.0)
    assert found is not None
    assert (found.data, found.media_type, found.account_id) == (b"painted", "image/png", "ann & bob ☃")


def test_a_form_fixes_name_type_size_and_owner(cloud: Any, pictures: S3Pictures) -> None:
    now = cloud.clock.now()
    grant = UploadGrant("ann", "image/png", 1234, now + 900, now + 86_400)
    form = pictures.form(NAME, grant, now)
    assert form.fields["key"] == NAME
    assert form.fields["Content-Type"] == "image/png"
    assert form.fields["x-amz-meta-account-id"] == "ann"
    conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
    for name in ("key", "Content-Type", "x-amz-meta-account-id", "x-amz-meta-expires-at"):
        assert {name: form.fields[name]} in conditions
    assert ["content-length-range", 1, 1234] in conditions
    assert {"bucket": cloud.settings.bucket} in conditions


def test_what_sagemaker_wrote_is_erased_by_its_location_and_names_of_others_are_not(
    cloud: Any, pictures: S3Pictures
) -> None:
    id_, client = NAME.partition(".")[0], cloud.clients(watched=False).s3
    own = ("outcomes/done/0f.out", f"outcomes/{id_}.json", f"inputs/{id_}/request", NAME)
    others = ("outcomes/done/0e.out", "models/weights")
    for key in (*own, *others):
        client.put_object(Bucket=cloud.settings.bucket, Key=key, Body=b"x")
    told = f"s3://{cloud.settings.bucket}/{own[0]}"
    assert pictures.erase(id_, (told, NAME, "s3://another/outcomes/x", "models/weights", "")) == 4
    assert sorted(cloud.objects()) == sorted(others)


def test_more_files_than_a_page_or_a_call_takes_are_erased(
    cloud: Any, pictures: S3Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outpaint.functions.aws.s3_pictures._DELETED_AT_ONCE", 2)
    client = cloud.clients(watched=False).s3
    monkeypatch.setattr(client, "list_objects_v2", partial(client.list_objects_v2, MaxKeys=2))
    for number in range(5):
        pictures.put(f"{UUID(int=number)}.png", StoredPicture(b"x", "image/png", "ann", 1e12))
    assert pictures.erase_account("bob") == 0
    assert pictures.erase_account("ann") == 5


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "pictures.s3.us-east-1.amazonaws.com"),
        ("eu-central-1", "pictures.s3.eu-central-1.amazonaws.com"),
        # One that an account has to opt in to.
        ("me-central-1", "pictures.s3.me-central-1.amazonaws.com"),
        ("cn-north-1", "pictures.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_signed_urls_and_forms_name_the_regions_own_host(
    region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-ins answer at whatever host they are asked for, so this is about the URL itself."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = get_session()
    session.set_config_variable("region", region)
    session.set_credentials("AKIAEXAMPLE", "secret", "token")
    pictures = S3Pictures(Clients(session), "pictures", SimpleNamespace(now=lambda: 1000.0), 3600.0)

    url = urlsplit(pictures.url(NAME, 1600.0))
    assert (url.scheme, url.netloc, url.path) == ("https", host, "/" + NAME)
    query = {name: value for name, (value,) in parse_qs(url.query).items()}
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].split("/")[2:] == [region, "s3", "aws4_request"]
    assert query["X-Amz-Expires"] == "600"

    form = pictures.form(NAME, UploadGrant("ann", "image/png", 1000, 1600.0, 1600.0), 1000.0)
    assert form.url == f"https://{host}/"
    assert form.fields["x-amz-credential"].split("/")[2:] == [region, "s3", "aws4_request"]
