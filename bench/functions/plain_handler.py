"""The plain handler that ours is measured beside: what a careful engineer writes in an afternoon.

boto3's clients are made at import, the powertools resolver routes and validates, and its own multipart parser reads
the upload. It makes the same calls to AWS as ours for a submit and a balance, answers the same things, and leaves out
most of our rules. It looks at the pictures, all of each decoded, so that nothing broken is paid for; what it takes
without that is measured as well. Where there was a doubt it was settled in this handler's favour: no Logger, no
Metrics, no Tracer, and the image library is imported by the first picture.
"""

import hashlib
import io
import json
import os
import random
import time
import uuid
from typing import Annotated

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import File, Form, UploadFile

TABLE, BUCKET = os.environ["OUTPAINT_TABLE"], os.environ["OUTPAINT_BUCKET"]
ENDPOINT = os.environ["OUTPAINT_ENDPOINT"]
PRICE, LIMIT, LARGEST = 1, int(os.environ.get("OUTPAINT_RATE_LIMIT", "500")), 33_554_432

dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker-runtime")
app = APIGatewayRestResolver(enable_validation=True)


def refuse(status: int, detail: str) -> Response:
    return Response(status, "application/json", json.dumps({"status": "error", "detail": detail, "code": status}))


def authenticate() -> dict | None:
    key = app.current_event.headers.get("X-Picsart-API-Key", "")
    digest = hashlib.sha256(key.encode()).hexdigest()
    found = dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": f"KEY#{digest}"}}, ConsistentRead=True)
    return found.get("Item")


def count(account: str) -> int:
    window = int(time.time() // 60)
    counted = dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"LIMIT#{account}#{window}"}},
        UpdateExpression="ADD requests :one SET purge_at = :end",
        ExpressionAttributeValues={":one": {"N": "1"}, ":end": {"N": str((window + 1) * 60)}},
        ReturnValues="UPDATED_NEW",
    )
    return int(counted["Attributes"]["requests"]["N"])


@app.get("/v1/balance")
def balance():
    account = authenticate()
    if account is None:
        return refuse(401, "this key is not known")
    if count(account["account_id"]["S"]) > LIMIT:
        return refuse(429, "too many requests")
    return Response(200, "application/json", json.dumps({"credits": int(account["credits"]["N"])}))


def check_pictures(image: bytes, mask: bytes | None) -> str | None:
    from PIL import Image, UnidentifiedImageError

    if len(image) > LARGEST:
        return "the picture is too large"
    try:
        with Image.open(io.BytesIO(image), formats=("PNG", "JPEG", "WEBP")) as picture:
            size = picture.size
            # All of it, for a file that breaks off is refused before it is paid for.
            picture.load()
            if mask is None:
                low, high = picture.convert("RGBA").getchannel("A").getextrema()
                return None if low == 0 and high > 0 else "nothing is left open to paint"
        with Image.open(io.BytesIO(mask), formats=("PNG", "JPEG", "WEBP")) as covering:
            if covering.size != size:
                return "image and mask differ in size"
            channel = covering.getchannel("A") if "A" in covering.getbands() else covering.convert("L")
            low, high = channel.getextrema()
    except (UnidentifiedImageError, OSError):
        return "this is no picture"
    return None if low < 128 <= high else "nothing is left open to paint"


@app.post("/v1/painting/outpaint")
def outpaint(
    image: Annotated[UploadFile, File()],
    prompt: Annotated[str, Form()],
    mask: Annotated[UploadFile | None, File()] = None,
    count_: Annotated[int, Form(alias="count")] = 2,
    format_: Annotated[str, Form(alias="format")] = "JPG",
):
    account = authenticate()
    if account is None:
        return refuse(401, "this key is not known")
    owner = account["account_id"]["S"]
    if count(owner) > LIMIT:
        return refuse(429, "too many requests")
    claim = app.current_event.headers.get("Idempotency-Key")
    if claim:
        key = {"pk": {"S": f"CLAIM#{owner}#{claim}"}}
        if (held := dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")) is not None:
            return accepted(held["inference_id"]["S"])
    if (wrong := check_pictures(image.content, mask.content if mask else None)) is not None:
        return refuse(422, wrong)
    id_ = str(uuid.uuid4())
    request = {
        "inference_id": id_,
        "image": f"inputs/{id_}/image",
        "mask": f"inputs/{id_}/mask" if mask else None,
        "prompt": prompt,
        "seed": random.randrange(2**31),
        "format": format_,
        "output_ids": [f"{uuid.uuid4()}.{format_.lower()}" for _ in range(count_)],
    }
    charge(account["pk"]["S"], owner, id_, claim, count_ * PRICE, request)
    s3.put_object(Bucket=BUCKET, Key=request["image"], Body=image.content)
    if mask:
        s3.put_object(Bucket=BUCKET, Key=request["mask"], Body=mask.content)
    sagemaker.invoke_endpoint_async(
        EndpointName=ENDPOINT, InferenceId=id_, ContentType="application/json", Body=json.dumps(request).encode()
    )
    dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": f"JOB#{id_}"}},
        UpdateExpression="SET job_state = :to",
        ConditionExpression="job_state = :from0",
        ExpressionAttributeValues={":to": {"S": "dispatched"}, ":from0": {"S": "accepted"}},
    )
    return accepted(id_)


def charge(pk: str, owner: str, id_: str, claim: str | None, price: int, request: dict) -> None:
    now = str(time.time())
    job = {
        "pk": {"S": f"JOB#{id_}"},
        "account_id": {"S": owner},
        "job_state": {"S": "accepted"},
        "created_at": {"N": now},
        "price": {"N": str(price)},
        "inference_request": {"S": json.dumps(request)},
    }
    taken = {":taken": {"N": str(-price)}, ":price": {"N": str(price)}}
    actions = [
        {
            "Update": {
                "TableName": TABLE,
                "Key": {"pk": {"S": pk}},
                "UpdateExpression": "ADD credits :taken",
                "ConditionExpression": "credits >= :price",
                "ExpressionAttributeValues": taken,
            }
        },
        {"Put": {"TableName": TABLE, "Item": job, "ConditionExpression": "attribute_not_exists(pk)"}},
    ]
    if claim:
        item = {"pk": {"S": f"CLAIM#{owner}#{claim}"}, "inference_id": {"S": id_}, "created_at": {"N": now}}
        actions.append({"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}})
    dynamodb.transact_write_items(TransactItems=actions)


def accepted(id_: str) -> Response:
    body = json.dumps({"status": "processing", "inference_id": id_, "data": []})
    return Response(202, "application/json", body, headers={"Location": f"/v1/painting/{id_}", "Retry-After": "1"})


def handler(event: dict, context: object) -> dict:
    return app.resolve(event, context)
