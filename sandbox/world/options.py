"""What variants differ in: colours, shades, sizes and volumes."""

from dataclasses import dataclass

from sandbox.world.draw import draw
from sandbox.world.kinds import Kind
from sandbox.world.text import Text


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of an option: `paint` is `#rrggbb`, `price_percent` is of the first choice, `measure` is in ml."""

    value: str
    title: Text
    paint: str | None = None
    price_percent: int = 100
    measure: int | None = None


AXIS_TITLES = {
    "color": Text("Цвет", "Colour"),
    "size": Text("Размер", "Size"),
    "shade": Text("Оттенок", "Shade"),
    "volume": Text("Объём", "Volume"),
}

COLOURS = tuple(
    Choice(value, Text(ru, en), paint)
    for value, ru, en, paint in (
        ("black", "Чёрный", "Black", "#1a1a1a"),
        ("white", "Белый", "White", "#f7f7f5"),
        ("beige", "Бежевый", "Beige", "#d9c3a5"),
        ("brown", "Коричневый", "Brown", "#6b4226"),
        ("red", "Красный", "Red", "#c1272d"),
        ("navy", "Тёмно-синий", "Navy", "#1f2a44"),
        ("green", "Зелёный", "Green", "#3f6b4f"),
        ("grey", "Серый", "Grey", "#8a8d91"),
        ("pink", "Розовый", "Pink", "#e8a0b4"),
        ("burgundy", "Бордовый", "Burgundy", "#6d1a36"),
    )
)

SHADES = {
    "lips": tuple(
        Choice(value, Text(ru, en), paint)
        for value, ru, en, paint in (
            ("nude", "Нюд", "Nude", "#c98d7b"),
            ("rose", "Роза", "Rose", "#c76b7e"),
            ("coral", "Коралл", "Coral", "#e2725b"),
            ("cherry", "Вишня", "Cherry", "#8e1b2f"),
            ("scarlet", "Алый", "Scarlet", "#c8102e"),
            ("plum", "Слива", "Plum", "#6d2e46"),
            ("berry", "Ягода", "Berry", "#93264f"),
            ("peach", "Персик", "Peach", "#f0a58f"),
        )
    ),
    "lashes": (
        Choice("carbon", Text("Угольный", "Carbon"), "#111111"),
        Choice("cocoa", Text("Какао", "Cocoa"), "#4a2c1d"),
        Choice("indigo", Text("Индиго", "Indigo"), "#28336b"),
    ),
    "skin": tuple(
        Choice(value, Text(ru, en), paint)
        for value, ru, en, paint in (
            ("porcelain", "Фарфор", "Porcelain", "#f4dcc8"),
            ("ivory", "Слоновая кость", "Ivory", "#f0d2b6"),
            ("sand", "Песок", "Sand", "#e0b48f"),
            ("honey", "Мёд", "Honey", "#c68e5f"),
            ("amber", "Янтарь", "Amber", "#a86f42"),
            ("chestnut", "Каштан", "Chestnut", "#6f4428"),
        )
    ),
}


def _volumes(*of: tuple[int, int]) -> tuple[Choice, ...]:
    return tuple(
        Choice(f"{ml}ml", Text(f"{ml} мл", f"{ml} ml"), price_percent=percent, measure=ml) for ml, percent in of
    )


VOLUMES = {
    "jars": _volumes((30, 100), (50, 150), (100, 260)),
    "drops": _volumes((15, 100), (30, 180), (50, 270)),
    "bottles": _volumes((30, 100), (50, 155), (100, 250)),
}

SIZES = {
    "women": tuple(Choice(str(size), Text(str(size), str(size))) for size in range(35, 42)),
    "men": tuple(Choice(str(size), Text(str(size), str(size))) for size in range(39, 47)),
    "letters": tuple(Choice(size.lower(), Text(size, size)) for size in ("XS", "S", "M", "L", "XL", "XXL")),
}

_COLOUR, _SHADE, _VOLUME, _SIZE = range(1, 5)


def choices_of(kind: Kind, axis: str, *parts: int) -> tuple[Choice, ...]:
    """Which values of an axis a product has, in display order."""
    if axis == "color":
        return _some(COLOURS, 1, 3, *parts, _COLOUR)
    if axis == "shade":
        shades = SHADES[kind.sizes]
        return _some(shades, 2, len(shades), *parts, _SHADE)
    if axis == "volume":
        return VOLUMES[kind.sizes][: 1 + draw(*parts, _VOLUME) % 3]
    sizes = SIZES[kind.sizes]
    skipped = draw(*parts, _SIZE) % 3
    return sizes[skipped : skipped + 5]


def _some(choices: tuple[Choice, ...], least: int, most: int, *parts: int) -> tuple[Choice, ...]:
    bits = draw(*parts)
    wanted = least + bits % (most - least + 1)
    first = (bits >> 8) % len(choices)
    step = 1 if wanted > len(choices) // 2 else 1 + (bits >> 16) % 3 * 2 % len(choices)
    positions = {(first + step * turn) % len(choices) for turn in range(wanted)}
    return tuple(choices[position] for position in sorted(positions))
