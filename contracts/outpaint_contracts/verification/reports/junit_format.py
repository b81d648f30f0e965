"""What every JUnit XML document of ours has in common: counts, text that XML can hold, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def clean(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return _UNWRITABLE.sub("\ufffd", text)


def counts(cases: Sequence[ET.Element]) -> dict[str, str]:
    """The attributes of a suite that count its `testcase` elements."""
    return {"tests": str(len(cases))} | {
        word: str(sum(case.find(tag) is not None for case in cases)) for word, tag in _TAGS.items()
    }


def written(root: ET.Element) -> str:
    """The document as text, indented, with its declaration."""
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
