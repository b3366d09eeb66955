"""Brands, badges and swatches: small things that several domains show."""

from clients import values
from resolvers.fields import describes, plain
from resolvers.image import Image
from resolvers.node import Kind, Node, identity


@describes(values.Swatch)
class Swatch:
    """How to paint a value."""

    color: str | None = plain("Colour, `#rrggbb`.")
    image: Image | None = plain("Texture.")


@describes(values.Badge)
class Badge:
    """A merchandising label."""

    code: str = plain("Machine name, e.g. `sale`.")
    title: str = plain("Text.")
    color: str | None = plain("Background colour, `#rrggbb`.")


@describes(values.Brand)
class Brand(Node):
    """A brand."""

    id = identity(Kind.BRAND)
    handle: str = plain("Readable part of the brand page's address.")
    name: str = plain("Name.")
    logo: Image | None = plain("Logo.")
