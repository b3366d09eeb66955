"""What a product shows of itself: media, attributes, options and ratings."""

from clients.catalogue import protocol as catalogue
from clients.catalogue.protocol import MediaKind
from resolvers.fields import describe_enum, describes, input_object, plain
from resolvers.image import Image
from resolvers.labels import Swatch
from resolvers.node import Kind, reference
from resolvers.scalars import URL

describe_enum(
    MediaKind,
    "Kind of media.",
    {
        "IMAGE": "Photo.",
        "VIDEO": "Video.",
        "MODEL": "Three-dimensional model.",
    },
)


@describes(catalogue.Rating)
class Rating:
    """Average of reviews."""

    average: float = plain("Mean, from 1 to 5.")
    count: int = plain("Number of reviews.")


@describes(catalogue.Media)
class Media:
    """A photo or a video."""

    kind: MediaKind = plain("Kind of media.")
    image: Image = plain("The image, or a video's poster.")
    video_url: URL | None = plain("Video stream, for videos.")
    variant_id = reference(Kind.VARIANT, "variant_id", "Variant it shows, when it is specific.")


@describes(catalogue.ProductAttribute)
class ProductAttribute:
    """A characteristic."""

    code: str = plain("Machine name.")
    title: str = plain("Title.")
    values: list[str] = plain("Values for display.")
    group: str | None = plain("Group title for long lists.")


@describes(catalogue.ProductOptionValue)
class ProductOptionValue:
    """A value of an option."""

    value: str = plain("Machine value.")
    title: str = plain("Title.")
    swatch: Swatch | None = plain("Swatch, for colours and shades.")


@describes(catalogue.ProductOption)
class ProductOption:
    """An option variants differ in."""

    code: str = plain("Machine name, e.g. `size`.")
    title: str = plain("Title, e.g. `Размер`.")
    values: list[ProductOptionValue] = plain("Its values, in order; complete.")


@describes(catalogue.SelectedOption)
class SelectedOption:
    """A chosen option value."""

    code: str = plain("Option's machine name.")
    value: str = plain("Value.")
    title: str = plain("Value's title.")


@input_object()
class SelectedOptionInput:
    """A chosen option value."""

    code: str = plain("Option's machine name.")
    value: str = plain("Value.")


@describes(catalogue.QuantityRule)
class QuantityRule:
    """Limits on quantity."""

    minimum: int = plain("Least quantity.")
    maximum: int | None = plain("Greatest quantity, if limited.")
    step: int = plain("Quantity must be a multiple of it.")
