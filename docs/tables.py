"""Writes the tables of docs/api.md that come from the code: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

from outpaint_contracts import examples, openapi
from outpaint_contracts.errors import ERROR_KINDS, ErrorCode
from outpaint_contracts.requests import RequestForm

PAGE = Path(__file__).with_name("api.md")


def errors() -> str:
    """Each error code with its status, the vendor's message and an example of a detail."""
    rows = [
        f"| {ERROR_KINDS[code].status.value} | `{code}` | {ERROR_KINDS[code].message} | {examples.error(code).detail} |"
        for code in sorted(ErrorCode, key=lambda code: ERROR_KINDS[code].status.value)
    ]
    return "\n".join(["| status | `error_code` | `message` | `detail`, such as |", "|---|---|---|---|", *rows])


def headers() -> str:
    """Each response header with an example and what it says."""
    rows = [
        f"| `{name}` | `{header['example']}` | {header['description']} |"
        for name, header in openapi.document()["components"]["headers"].items()
    ]
    return "\n".join(["| header | such as | |", "|---|---|---|", *rows])


def fields() -> str:
    """Each request field with its default and meaning."""
    rows = [
        f"| `{name}` | {'required' if field.is_required() else '' if field.default is None else f'`{field.default}`'} "
        f"| {field.description or ''} |"
        for name, field in RequestForm.model_fields.items()
    ]
    return "\n".join(["| field | default | |", "|---|---|---|", *rows])


TABLES = {"errors": errors, "headers": headers, "fields": fields}


def written(page: str) -> str:
    """The page with every table between its markers made anew."""
    for name, table in TABLES.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        page, found = re.subn(
            pattern, lambda match, table=table: f"{match[1]}{table()}\n{match[2]}", page, flags=re.DOTALL
        )
        if found != 1:
            raise ValueError(f"docs/api.md needs the markers <!-- {name} --> and <!-- /{name} --> once")
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
