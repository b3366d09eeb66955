"""What caches before us may keep (RFC 9111), and for how long.

Only a GET of a query without errors may be kept. Whatever depends on a customer is `private,
no-store`: the same address gives the next customer of the same browser another answer.
"""

import hashlib
from collections.abc import Mapping

from gateway.http.answer import Headers
from gateway.http.terms import CacheTerms

NO_STORE: Headers = [(b"cache-control", b"no-store")]
PRIVATE: Headers = [(b"cache-control", b"private, no-store")]
MAX_TAG_BYTES = 16 * 1024


def cache_headers(terms: CacheTerms | None) -> Headers:
    """Make the headers of an answer that has these terms; without terms nothing may be kept."""
    if terms is None:
        return NO_STORE
    if terms.is_private:
        return PRIVATE
    keys = " ".join(sorted(terms.tags)).encode()
    if terms.max_age_s <= 0 or len(keys) > MAX_TAG_BYTES:
        return NO_STORE
    value = b"public, max-age=%d" % terms.max_age_s
    if terms.stale_s > 0:
        value += b", stale-while-revalidate=%d" % terms.stale_s
    return [(b"cache-control", value), *([(b"surrogate-key", keys)] if keys else [])]


def entity_tag(body: bytes) -> bytes:
    """Name a body; weak, because the same answer travels in several encodings."""
    return b'W/"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode("ascii") + b'"'


def is_known(tag: bytes, headers: Mapping[bytes, bytes]) -> bool:
    """Whether `If-None-Match` says that the client has this body (RFC 9110, 13.1.2)."""
    given = headers.get(b"if-none-match")
    if given is None:
        return False
    opaque = tag.removeprefix(b"W/")
    return given.strip() == b"*" or any(item.strip().removeprefix(b"W/") == opaque for item in given.split(b","))
