"""Pictures, at the width that a client asks for."""

from typing import Annotated

from clients import values
from resolvers.context import Context
from resolvers.fields import Argument, describes, plain, pure
from resolvers.refusals import BadInput
from resolvers.scalars import URL

DEFAULT_WIDTH = 640
WIDEST = 4096


@describes(values.Image)
class Image:
    """An image."""

    @pure(URL)
    @staticmethod
    def url(
        value: values.Image,
        _context: Context,
        /,
        width: Annotated[int | None, Argument(description="Wanted width in pixels.")] = None,
    ) -> str:
        """URL of the image; `width` asks the CDN for a derivative of that width."""
        if width is not None and not 1 <= width <= WIDEST:
            raise BadInput(f"Expected `width` between 1 and {WIDEST}, got {width}.")
        return value.url.replace("{width}", str(width or value.width or DEFAULT_WIDTH))

    alt: str | None = plain("Alternative text.")
    width: int | None = plain("Natural width in pixels.")
    height: int | None = plain("Natural height in pixels.")
