"""Reading a CommerceML file as it streams by: bytes in, offers out, never more than a block in memory.

The standard library's expat does the parsing: it streams, and it reads windows-1251. What makes
XML dangerous is refused: a DOCTYPE (so no entity of anybody's), nesting, tokens and texts without
end. CommerceML has no public schema and several namespaces, so elements go by their local names.

Stock is written in three ways, and an offer may use any of them:

    <Количество>5</Количество>                                        the sum over all warehouses
    <Склад ИдСклада="w" КоличествоНаСкладе="5"/>                      in offers.xml
    <Остатки><Остаток><Склад><Ид>w</Ид><Количество>5</Количество>     in rests.xml, with or without <Склад>
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from xml.parsers import expat

BLOCK: Final = 64 * 1024
LONGEST_TOKEN: Final = 1024 * 1024
LONGEST_TEXT: Final = 4096
DEEPEST: Final = 64
MOST_WAREHOUSES: Final = 10_000
BOM: Final = b"\xef\xbb\xbf"
ROOTS: Final = frozenset({"КоммерческаяИнформация", "Классификатор"})
PACKAGES: Final = frozenset({"ПакетПредложений", "ИзмененияПакетаПредложений"})
ITEMS: Final = frozenset({"Предложение", "Товар"})
NAMED: Final = {"Ид": "id", "Артикул": "article", "Штрихкод": "barcode"}
FULL: Final = frozenset({"false", "0", "нет"})
REMOVED: Final = frozenset({"удален", "удалён"})


class BadPackage(ValueError):
    """Not a package that can be read to its end; the message says what was expected and what came, in ASCII."""


class Head(NamedTuple):
    """What a file says of itself. `formed_at` is local time without a zone, or None; `feed` is its catalogue."""

    feed: str
    formed_at: str | None
    is_full: bool


@dataclass(slots=True)
class Item:
    """An offer, or a thing that offers are of. Quantities are as they were written.

    `stock` has warehouses; `rests` are of no warehouse; `total` is the sum that older packages give.
    """

    is_offer: bool
    is_removed: bool = False
    names: dict[str, str] = field(default_factory=dict)
    stock: list[tuple[str, str]] = field(default_factory=list)
    rests: list[str] = field(default_factory=list)
    total: str | None = None

    def name(self, kind: str) -> str:
        """Its id, article or barcode; empty when it has none."""
        return self.names.get(kind, "")


Event = Head | Item


def read_package(blocks: Iterable[bytes]) -> Iterator[Event]:
    """The items of a file; a Head comes before the first offer of each package. Raises BadPackage.

    Ends without an error only when the file was whole.
    """
    reader = _Reader()
    for block in blocks:
        yield from reader.feed(block)
    yield from reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._parser: expat.XMLParserType | None = None
        self._fed = 0
        self._events: list[Event] = []
        self._path: list[str] = []
        self._locals: dict[str, str] = {}
        self._formed_at: str | None = None
        self._feed = ""
        self._is_full = False
        self._is_head_due = False
        self._item: Item | None = None
        self._warehouse: list[str | None] | None = None
        self._text: list[str] | None = None
        self._length = 0

    def feed(self, block: bytes, *, is_last: bool = False) -> list[Event]:
        parser = self._parser or self._open(block)
        if not self._fed and block.startswith(BOM):
            block = block[len(BOM) :]
        self._events = []
        try:
            parser.Parse(block, is_last)
        except expat.ExpatError as error:
            raise BadPackage(f"expected well-formed XML to its end; got: {error}") from None
        except (LookupError, UnicodeError, ValueError) as error:
            raise error if isinstance(error, BadPackage) else BadPackage("expected a known encoding") from None
        self._fed += len(block)
        if self._fed - max(0, parser.CurrentByteIndex) > LONGEST_TOKEN + BLOCK:
            raise BadPackage(f"expected no tag or text longer than {LONGEST_TOKEN} bytes; got one")
        return self._events

    def finish(self) -> list[Event]:
        if not self._fed:
            raise BadPackage("expected a CommerceML file; got an empty one")
        return self.feed(b"", is_last=True)

    def _open(self, block: bytes) -> expat.XMLParserType:
        # With a byte order mark the text is UTF-8, whatever its declaration was copied from.
        parser = expat.ParserCreate("utf-8" if block.startswith(BOM) else None, " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser = parser
        return parser

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = self._locals.get(name) or self._learn(name)
        path = self._path
        parent = path[-1] if path else ""
        path.append(local)
        if len(path) > DEEPEST:
            raise BadPackage(f"expected at most {DEEPEST} levels of elements; got more")
        if self._item is not None:
            self._start_inside(local, parent, attributes)
        elif parent == "":
            self._start_root(local, attributes)
        elif local in ITEMS:
            self._start_item(local, attributes)
        elif local in PACKAGES:
            told = attributes.get("СодержитТолькоИзменения", "true").strip().lower()
            self._is_full = told in FULL and local == "ПакетПредложений"
            self._feed, self._is_head_due = "", True
        elif parent in PACKAGES and local in ("ИдКаталога", "Ид"):
            self._listen()

    def _start_root(self, local: str, attributes: dict[str, str]) -> None:
        if local not in ROOTS:
            raise BadPackage("expected a root element of CommerceML; got another")
        date, time = attributes.get("ДатаФормирования", ""), attributes.get("ВремяФормирования", "")
        self._formed_at = f"{date}T{time}" if date and time and "T" not in date else date or None

    def _start_item(self, local: str, attributes: dict[str, str]) -> None:
        is_offer = local == "Предложение"
        if is_offer and self._is_head_due:
            self._is_head_due = False
            self._events.append(Head(self._feed, self._formed_at, self._is_full))
        self._item = Item(is_offer, attributes.get("Статус", "").strip().lower() in REMOVED)

    def _start_inside(self, local: str, parent: str, attributes: dict[str, str]) -> None:
        assert self._item is not None
        if local == "Склад" and self._item.is_offer:
            self._warehouse = [attributes.get("ИдСклада"), attributes.get("КоличествоНаСкладе")]
        elif (
            (parent in ITEMS and (local in NAMED or local in ("Количество", "Статус", "ПометкаУдаления")))
            or (parent == "Склад" and local in ("Ид", "ИдСклада", "Количество", "КоличествоНаСкладе"))
            or (parent == "Остаток" and local == "Количество")
        ):
            self._listen()

    def _end(self, name: str) -> None:
        local = self._locals[name]
        self._path.pop()
        if self._text is not None:
            self._take(local, self._path[-1] if self._path else "", self._hear())
        elif self._item is None:
            return
        elif local == "Склад" and self._warehouse is not None:
            self._take_warehouse()
        elif local in ITEMS and self._path[-1] not in ITEMS:
            self._events.append(self._item)
            self._item = None

    def _take(self, local: str, parent: str, text: str) -> None:
        item = self._item
        if item is None:
            if local == "ИдКаталога" or not self._feed:
                self._feed = text
        elif parent == "Склад":
            if self._warehouse is not None:
                self._warehouse[0 if local in ("Ид", "ИдСклада") else 1] = text
        elif local in NAMED:
            item.names[NAMED[local]] = text
        elif local == "Количество":
            if parent == "Остаток":
                item.rests.append(text)
            else:
                item.total = text
        else:
            item.is_removed |= text.lower() in (REMOVED if local == "Статус" else ("true", "1", "да"))

    def _take_warehouse(self) -> None:
        assert self._item is not None
        assert self._warehouse is not None
        (warehouse, quantity), self._warehouse = self._warehouse, None
        if quantity is None:
            return
        if warehouse:
            self._item.stock.append((warehouse, quantity))
        else:
            self._item.rests.append(quantity)
        if len(self._item.stock) > MOST_WAREHOUSES:
            raise BadPackage(f"expected at most {MOST_WAREHOUSES} warehouses in an offer; got more")

    def _listen(self) -> None:
        """From here to the element's end its text matters; elsewhere nobody calls us for it."""
        assert self._parser is not None
        self._text, self._length = [], 0
        self._parser.CharacterDataHandler = self._note

    def _hear(self) -> str:
        assert self._parser is not None
        assert self._text is not None
        heard, self._text = "".join(self._text).strip(), None
        self._parser.CharacterDataHandler = None
        return heard

    def _note(self, text: str) -> None:
        assert self._text is not None
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise BadPackage(f"expected names and quantities of at most {LONGEST_TEXT} characters; got a longer one")
        self._text.append(text)

    def _learn(self, name: str) -> str:
        """The name without its namespace; there are a few dozen names, and none is learnt beyond a thousand."""
        local = name.rpartition(" ")[2]
        if len(self._locals) > 1000:  # noqa: PLR2004
            self._locals = {known: self._locals[known] for known in self._locals if self._locals[known] in self._path}
        self._locals[name] = local
        return local


def _refuse_doctype(*_declared: object) -> None:
    raise BadPackage("expected no DOCTYPE; got one")
