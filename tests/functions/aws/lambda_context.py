"""Lambda's context object, as the handlers read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4


@dataclass
class LambdaContext:
    """What a function may ask Lambda (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""

    function_name: str = "outpaint"
    memory_limit_in_mb: int = 1024
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000
