"""Worlds and the accounts in them."""

from __future__ import annotations

from dataclasses import replace

from outpaint_contracts.errors import ErrorCode, OutpaintError
from outpaint_functions.service.authentication import key_digest
from outpaint_functions.service.records import Account

from outpaint_mocks.admin import models, shown
from outpaint_mocks.admin.operation import Asked, Made
from outpaint_mocks.mock_paths import DEFAULT_WORLD


def worlds_listed(asked: Asked) -> models.WorldList:
    """Every world there is."""
    found = [asked.worlds.get(name) for name in asked.worlds.names]
    return models.WorldList(worlds=tuple(shown.world_summary(world, asked.origin) for world in found))


def make_world(asked: Asked) -> models.WorldDetail | Made:
    """The world of this name: made as the body says, or found, or made where there is none."""
    name, wanted = asked.path["name"], asked.body.model_dump(exclude_none=True)
    if wanted:
        return Made(shown.world_detail(asked.worlds.make(name, wanted), asked.origin))
    known = name in asked.worlds.names
    detail = shown.world_detail(asked.worlds.get(name), asked.origin)
    return detail if known else Made(detail)


def remove_world(asked: Asked) -> models.WorldList:
    """Forget a world; raises `OutpaintError` for the default one and for one that is unknown."""
    name = asked.path["name"]
    if name == DEFAULT_WORLD:
        raise OutpaintError(ErrorCode.INVALID_PARAMETER, "the default world stays: reset it instead", field="name")
    asked.worlds.remove(name)
    return worlds_listed(asked)


def world_shown(asked: Asked) -> models.WorldDetail:
    """The world that is asked about."""
    return shown.world_detail(asked.world, asked.origin)


def reset_world(asked: Asked) -> models.WorldDetail:
    """Let the world stand as at its beginning."""
    asked.world.reset()
    return world_shown(asked)


def open_account(asked: Asked) -> Made:
    """Open a key's account, or give the one that it has other credits and permissions."""
    wanted: models.OpenAccount = asked.body
    ledger, digest = asked.world.ledger, key_digest(wanted.key)
    found = ledger.by_key_digest(digest)
    if found is None:
        found = Account(id=f"account-{digest[:16]}", name=f"mock account {digest[:8]}", credits=wanted.credits)
    account = replace(found, credits=wanted.credits, allowed=wanted.allowed)
    ledger.add_account(account, digest)
    return Made(models.AccountState(id=account.id, name=account.name, credits=account.credits))
