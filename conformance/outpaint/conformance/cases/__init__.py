"""The contract as cases, an area of it in each module; `all_cases` has them all.

A case is a function that takes an `Api` and raises `Unmet` where the provider does not do what it must.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from outpaint.conformance.proving.case import Case, registered


def all_cases() -> tuple[Case, ...]:
    """Every case of every area, ordered by area and then as written."""
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        import_module(f"{__name__}.{module.name}")
    return registered()
