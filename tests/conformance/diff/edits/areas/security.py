"""Edits of keys: where one is needed, where it is sent and what is taken instead."""

from __future__ import annotations

from edits.edit import B, C, Document, edit
from edits.places import balance, picture


@edit(B, "security.key-required")
def files_need_a_key(d: Document) -> None:
    del picture(d)["security"]


@edit(C, "security.key-dropped")
def the_balance_needs_no_key(d: Document) -> None:
    balance(d)["security"] = []


@edit(B, "security.scheme-changed")
def the_key_moves_into_the_query(d: Document) -> None:
    d["components"]["securitySchemes"]["ApiKey"]["in"] = "query"


@edit(B, "security.scheme-changed")
def the_key_header_is_renamed(d: Document) -> None:
    d["components"]["securitySchemes"]["ApiKey"]["name"] = "X-API-Key"


@edit(C, "security.alternative-added")
def a_token_is_taken_too(d: Document) -> None:
    d["components"]["securitySchemes"]["Token"] = {"type": "http", "scheme": "bearer"}
    d["security"].append({"Token": []})


@edit(C)
def a_scheme_is_renamed(d: Document) -> None:
    d["components"]["securitySchemes"]["Key"] = d["components"]["securitySchemes"].pop("ApiKey")
    d["security"] = [{"Key": []}]


@edit(C)
def the_key_header_is_written_in_small_letters(d: Document) -> None:
    d["components"]["securitySchemes"]["ApiKey"]["name"] = "x-picsart-api-key"


@edit(B, "security.alternative-removed", before=a_token_is_taken_too)
def a_token_is_no_longer_taken(d: Document) -> None:
    d["security"].pop()


@edit(C, before=a_token_is_taken_too)
def bearer_is_written_with_a_capital(d: Document) -> None:
    d["components"]["securitySchemes"]["Token"] |= {"scheme": "Bearer", "bearerFormat": "JWT"}
