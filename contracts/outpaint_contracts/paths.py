"""The paths of the API, as OpenAPI writes them (docs/facts/wire.md#routes; uploads are our own)."""

from typing import Final

OUTPAINT_PATH: Final = "/v1/painting/outpaint"
INFERENCE_PATH: Final = "/v1/painting/{inference_id}"
BALANCE_PATH: Final = "/v1/balance"
FILE_PATH: Final = "/v1/files/{file_id}"
UPLOADS_PATH: Final = "/v1/uploads"
