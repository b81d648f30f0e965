"""Writes what a data folder of an earlier schema has in it, as SQL: `python tests/functions/folders/write_dump.py N`.

Done once, when a step is added to `_STEPS`, for the schema before it. A dump is not written again later: it shows what
an earlier release has left, and test_earlier_folders.py opens it.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

from outpaint.contracts.errors import ErrorCode
from outpaint.contracts.inference import InferenceFailure, InferenceRequest, Manifest, ManifestFile
from outpaint.contracts.masks_and_formats import MaskInterpretation, MaskSource
from outpaint.contracts.requests import Wish
from outpaint.contracts.responses import PainterCard
from outpaint.functions.embedded import database
from outpaint.functions.service.admission import key_digest


def rows() -> dict[str, list[dict[str, object]]]:
    """The rows of each table, with every column that a schema may have."""
    accounts = [
        {"id": "dev", "name": "development", "credits": 990, "allowed": 1, "loopback_only": 1},
        {"id": "ann", "name": "Ann ☃", "credits": 5, "allowed": 1, "loopback_only": 0},
    ]
    keys = [
        {"digest": key_digest("dev"), "account_id": "dev", "created_at": 100.0, "revoked_at": None},
        {"digest": key_digest("ann's"), "account_id": "ann", "created_at": 101.0, "revoked_at": None},
        {"digest": key_digest("ann's old"), "account_id": "ann", "created_at": 99.0, "revoked_at": 100.0},
    ]
    jobs, pictures = [], []
    for number, state in enumerate(("accepted", "painting", "succeeded", "failed"), start=1):
        id_, output = str(UUID(int=number)), f"{UUID(int=number + 100)}.jpg"
        request = InferenceRequest(
            inference_id=id_,
            image=f"inputs/{id_}/image",
            wish=Wish(prompt=f"hills {number} ☃", seed=7, count=1),
            output_ids=(output,),
            account="ann",
        )
        manifest = Manifest(
            inference_id=id_,
            files=(ManifestFile(id=output, seed=7, bytes=len(output), sha256="0" * 64),),
            painter=PainterCard(name="flat", model="test", reads_prompt=True),
            width=64,
            height=48,
            seconds=0.5,
        )
        failure = InferenceFailure(inference_id=id_, error_code=ErrorCode.PAINTING_FAILED, detail="it broke")
        jobs.append(
            {
                "id": id_,
                "account_id": "ann",
                "state": state,
                "created_at": 100.0 + number,
                "deadline_at": 4e9,
                "expires_at": 5e9,
                "price": 2,
                "request": request.model_dump_json(),
                "interpretation": MaskInterpretation(
                    source=MaskSource.IMAGE_ALPHA, painted_share=0.25
                ).model_dump_json(),
                "idempotency_key": f"key-{number}",
                "attempts": number,
                "manifest": manifest.model_dump_json() if state == "succeeded" else None,
                "failure": failure.model_dump_json() if state == "failed" else None,
                "locations": None,
            }
        )
        name = output if state == "succeeded" else request.image
        pictures.append(
            {
                "name": name,
                "media_type": "image/jpeg",
                "account_id": "ann",
                "expires_at": 5e9,
                "size": len(name),
                "inference_id": id_ if state == "succeeded" else None,
            }
        )
    claims = [
        {
            "account_id": "ann",
            "key": f"key-{number}",
            "fingerprint": "f",
            "inference_id": str(UUID(int=number)),
            "running_until": 0.0,
            "expires_at": 5e9,
        }
        for number in range(1, 5)
    ]
    paintings = [{"inference_id": str(UUID(int=2)), "attempt": 2, "alone": 0}]
    return {
        "accounts": accounts,
        "keys": keys,
        "jobs": jobs,
        "claims": claims,
        "pictures": pictures,
        "paintings": paintings,
    }


def dump(version: int) -> str:
    """The statements that make a database of this schema with these rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in database._STEPS[:version]:
            for statement in step:
                connection.execute(statement)
        for table, records in rows().items():
            columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
            for record in records if columns else ():
                known = [column for column in columns if column in record]
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})",
                    [record[column] for column in known],
                )
        return "\n".join([*connection.iterdump(), f"PRAGMA user_version = {version};", ""])


if __name__ == "__main__":
    for word in sys.argv[1:]:
        Path(__file__).with_name(f"schema_{int(word)}.sql").write_text(dump(int(word)), encoding="utf-8")
