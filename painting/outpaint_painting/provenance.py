"""What a finished file says of its own making: the IPTC's digital source type, as XMP."""

from __future__ import annotations

from typing import Final

COMPOSITE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC NewsCodes: a mix that holds parts made by a trained model, as every outpainted picture is."""

_XMP: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{kind}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


def source_type_xmp(kind: str = COMPOSITE) -> bytes:
    """An XMP packet (UTF-8) with the digital source type and nothing else; `kind` is a NewsCodes address."""
    return _XMP.format(kind=kind).encode()
