"""Compress answers that are long enough for it to pay (RFC 9110, 12.5.3)."""

import gzip
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache

import brotli  # type: ignore[import-untyped]
import zstandard

Compress = Callable[[bytes], bytes]


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(body)


def _brotli(body: bytes) -> bytes:
    squeezed: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=4)
    return squeezed


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=5, mtime=0)


_CODINGS: dict[bytes, Compress] = {b"zstd": _zstd, b"br": _brotli, b"gzip": _gzip}
"""By preference: zstd costs the least time at about brotli's size."""


@dataclass(frozen=True, slots=True)
class Compression:
    """Bodies below `min_bytes` are sent as they are."""

    min_bytes: int = 1_400

    def apply(self, body: bytes, accepted: bytes | None) -> tuple[bytes, bytes | None]:
        """Compress if the client takes it: the body to send, and its content coding."""
        if accepted is None or len(body) < self.min_bytes:
            return body, None
        coding = choose_coding(accepted)
        return (body, None) if coding is None else (_CODINGS[coding](body), coding)

    def apply_once(
        self, body: bytes, accepted: bytes | None, forms: MutableMapping[bytes, bytes]
    ) -> tuple[bytes, bytes | None]:
        """The same for a body that is sent again and again: each form is made once, and found in `forms`.

        Together they take no more room than the body: forms beyond that are made anew each time.
        """
        if accepted is None or len(body) < self.min_bytes:
            return body, None
        coding = choose_coding(accepted)
        if coding is None:
            return body, None
        form = forms.get(coding)
        if form is None:
            form = _CODINGS[coding](body)
            if sum(map(len, forms.values())) + len(form) <= len(body):
                forms[coding] = form
        return form, coding


@lru_cache(maxsize=256)
def choose_coding(accepted: bytes) -> bytes | None:
    """Choose the best coding of an `Accept-Encoding` header; None to send as it is."""
    qualities = dict(_quality(part) for part in accepted.lower().split(b",") if part.strip())
    rest = qualities.get(b"*", 0.0)
    ranked = [(qualities.get(coding, rest), -rank, coding) for rank, coding in enumerate(_CODINGS)]
    quality, _, coding = max(ranked)
    return coding if quality > 0 else None


def _quality(part: bytes) -> tuple[bytes, float]:
    coding, _, parameter = part.partition(b";")
    name, _, value = parameter.strip().partition(b"=")
    try:
        quality = float(value) if name.strip() == b"q" else 1.0
    except ValueError:
        quality = 0.0
    return coding.strip(), quality
