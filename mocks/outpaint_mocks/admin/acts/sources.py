"""What stands behind addresses."""

from __future__ import annotations

from outpaint_contracts.errors import ErrorCode, OutpaintError

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.operation import Asked, Made
from outpaint_mocks.grammar import nearest


def sources_listed(asked: Asked) -> models.SourceList:
    """What stands behind addresses."""
    return shown.source_list(asked.world)


def set_source(asked: Asked) -> Made:
    """Put bytes, a status, a delay or a broken connection behind an address."""
    wanted: models.SetSource = asked.body
    asked.world.sources.register(
        wanted.url, wanted.data, status=wanted.status, seconds=wanted.seconds, broken=wanted.broken
    )
    return Made(sources_listed(asked))


def forget_source(asked: Asked) -> models.SourceList:
    """Take back what stands behind an address; raises `OutpaintError` where nothing does."""
    url = asked.query.url
    known = [source.url for source in asked.world.sources.registered]
    if url not in known:
        hint = nearest(url, known) if known else "none is"
        raise OutpaintError(ErrorCode.UNKNOWN_ROUTE, f"nothing is registered for {url[:100]}: {hint}", field="url")
    asked.world.sources.forget(url)
    return sources_listed(asked)
