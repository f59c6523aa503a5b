"""Where an image comes from, in IPTC's words: the digital source type, and the XMP packet that says it inside a file.

What is written is the statement of whoever writes it. No mark, no hash and no signature stands behind it here.
"""

from __future__ import annotations

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # an identifier: the terms do begin with http
TRAINED = "trainedAlgorithmicMedia"  # a trained model made it
EDITED = "compositeWithTrainedAlgorithmicMedia"  # a generative model made it out of something else
TERMS = (  # of the vocabulary of October 2024, without the three that are retired
    TRAINED,
    EDITED,
    "algorithmicMedia",
    "algorithmicallyEnhanced",
    "composite",
    "compositeCapture",
    "compositeSynthetic",
    "computationalCapture",
    "dataDrivenMedia",
    "digitalCapture",
    "digitalCreation",
    "humanEdits",
    "negativeFilm",
    "positiveFilm",
    "print",
    "screenCapture",
    "virtualRecording",
)
XMP_KEYWORD = "XML:com.adobe.xmp"  # of the PNG chunk in which readers look for a packet


def uri(term: str) -> str:
    """A term of the vocabulary as standards want it written."""
    return VOCABULARY + term


def made_by_model(reads_images: bool) -> str:
    """What a trained generator makes: images of nothing, or of other images."""
    return EDITED if reads_images else TRAINED


def xmp_packet(term: str) -> str:
    """An XMP packet that says the digital source type and nothing else."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
        f"<Iptc4xmpExt:DigitalSourceType>{uri(term)}</Iptc4xmpExt:DigitalSourceType>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    )
