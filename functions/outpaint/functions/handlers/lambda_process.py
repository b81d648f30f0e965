"""What one process of a function keeps from call to call."""

from __future__ import annotations

from functools import cache

from outpaint.functions.aws.aws_service import Stack, assemble
from outpaint.functions.aws.aws_settings import AwsSettings
from outpaint.functions.http.application import Application


@cache
def settings() -> AwsSettings:
    """The environment's settings, read at the first call."""
    return AwsSettings.from_environment()


@cache
def answering() -> tuple[Stack, Application]:
    """The service as requests meet it: an outcome is looked for only where a job is overdue, for the sweep does it."""
    stack = assemble(settings(), look_after=settings().service.job_lifetime)
    return stack, Application(stack.service)


@cache
def settling() -> Stack:
    """The service as completions and the sweep meet it."""
    return assemble(settings(), look_after=settings().look_after)
