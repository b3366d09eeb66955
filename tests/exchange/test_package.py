import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest

from gateway.exchange.package import BLOCK, LONGEST_TOKEN, BadPackage, Head, Item, read_package
from tests.exchange.site import offer, offers, rests


def read(content: bytes, block: int = BLOCK) -> list[Head | Item]:
    return list(read_package(content[at : at + block] for at in range(0, len(content), block)))


def items(content: bytes) -> list[Item]:
    return [event for event in read(content) if isinstance(event, Item)]


def test_head_tells_feed_moment_and_whether_it_is_all() -> None:
    """A package names its catalogue, its local time, and whether what it leaves out is gone."""
    head = read(offers(offer("a", "1"), is_full=True, formed_at="2026-02-25T09:00:00", feed="shoes"))[0]
    assert head == Head("shoes", "2026-02-25T09:00:00", is_full=True)
    assert read(offers(offer("a", "1"), is_full=False))[0] == Head("c1", "2026-02-25T09:00:00", is_full=False)


def test_package_that_does_not_say_is_only_changes() -> None:
    """Nothing is cleared without a word: a missing mark, and a package of changes, leave others alone."""
    unmarked = offers(offer("a", "1")).replace(' СодержитТолькоИзменения="false"'.encode(), b"")
    changes = offers(offer("a", "1")).replace("ПакетПредложений".encode(), "ИзмененияПакетаПредложений".encode())
    for content in (unmarked, changes):
        (head, _) = read(content)
        assert isinstance(head, Head)
        assert not head.is_full


def test_all_three_ways_to_write_stock_are_read() -> None:
    """A sum, attributes of warehouses, and rests with and without warehouses."""
    summed, by_attribute, by_element, bare = items(
        offers(offer("a", "5"), offer("b", "12", w1="5", w2="7"), rests("c", w1="3"), rests("d", "4"))
    )
    assert (summed.total, summed.stock) == ("5", [])
    assert (by_attribute.total, by_attribute.stock) == ("12", [("w1", "5"), ("w2", "7")])
    assert by_element.stock == [("w1", "3")]
    assert bare.rests == ["4"]


def test_amounts_that_are_no_stock_are_not_taken_for_it() -> None:
    """Coefficients, prices and the list of warehouses have names like stock's."""
    price = "<Цены><Цена><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу><Количество>9</Количество></Цена></Цены>"
    (item,) = items(offers(f"<Предложение><Ид>a</Ид>{price}<Количество>1</Количество></Предложение>"))
    assert (item.total, item.stock, item.rests) == ("1", [], [])


@pytest.mark.parametrize("namespace", ["urn:1C.ru:commerceml_2", "urn:1C.ru:commerceml_205", ""])
def test_namespace_does_not_matter(namespace: str) -> None:
    """1C writes several namespaces, or none: names are read without them."""
    content = offers(offer("a", w1="2")).replace(b"urn:1C.ru:commerceml_2", namespace.encode())
    assert items(content)[0].stock == [("w1", "2")]


def test_prefixed_names_are_read() -> None:
    """A prefix is a namespace in other words."""
    content = (
        '<n:КоммерческаяИнформация xmlns:n="urn:x"><n:ПакетПредложений><n:Предложения><n:Предложение>'
        "<n:Ид>a</n:Ид><n:Количество>3</n:Количество></n:Предложение></n:Предложения></n:ПакетПредложений>"
        "</n:КоммерческаяИнформация>"
    ).encode()
    assert items(content)[0].total == "3"


@pytest.mark.parametrize("encoding", ["windows-1251", "utf-8", "utf-8-sig", "utf-16", "koi8-r"])
def test_encodings_of_the_declaration_are_read(encoding: str) -> None:
    """Bitrix's dialect is windows-1251; a byte order mark goes before any declaration."""
    text = offers(offer("a", "1", article="Сапог")).decode()
    declared = text.replace('"utf-8"', f'"{"utf-8" if encoding == "utf-8-sig" else encoding}"')
    assert items(declared.encode(encoding))[0].name("article") == "Сапог"


def test_byte_order_mark_beats_a_copied_declaration() -> None:
    """UTF-8 with a mark that declares windows-1251 is UTF-8."""
    text = offers(offer("a", "1", article="Сапог")).decode().replace('"utf-8"', '"windows-1251"')
    assert items(text.encode("utf-8-sig"))[0].name("article") == "Сапог"


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_blocks_may_end_anywhere(block: int) -> None:
    """Chunks cut through tags, texts and letters."""
    content = offers(offer("a", "5", article="Сапог"), rests("c", w1="3"))
    assert read(content, block) == read(content)


@pytest.mark.parametrize("cut", range(5, 100, 19))
def test_file_that_is_cut_off_is_an_error(cut: int) -> None:
    """However little is missing."""
    content = offers(offer("a", "5"), offer("b", "6"))
    with pytest.raises(BadPackage):
        read(content[: len(content) * cut // 100])


NESTED = "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise("abcdefghij"))
BOMB = f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{NESTED}]><КоммерческаяИнформация>&j;</КоммерческаяИнформация>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><КоммерческаяИнформация>&f;</КоммерческаяИнформация>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "no DOCTYPE"),
        (EXTERNAL, "no DOCTYPE"),
        ("", "got an empty one"),
        ("not xml", "well-formed"),
        ("<html><body/></html>", "a root element of CommerceML"),
        ('<?xml version="1.0" encoding="klingon"?><КоммерческаяИнформация/>', "encoding"),
        ("<КоммерческаяИнформация>" + "<a>" * 100, "at most 64 levels"),
        (f"<КоммерческаяИнформация><Каталог><Товар><Ид>{'x' * 5000}</Ид>", "at most 4096 characters"),
        (f"<КоммерческаяИнформация a='{'x' * 3 * LONGEST_TOKEN}'/>", "no tag or text longer"),
        ("<КоммерческаяИнформация>&unknown;</КоммерческаяИнформация>", "well-formed"),
    ],
    ids=["bomb", "external", "empty", "text", "html", "encoding", "deep", "long text", "long tag", "entity"],
)
def test_what_is_no_package_is_refused(content: str, said: str) -> None:
    """The message is in ASCII, for 1C's log, and says what was expected."""
    with pytest.raises(BadPackage, match=said) as caught:
        read(content.encode())
    assert str(caught.value).isascii()


def test_memory_does_not_grow_with_the_file() -> None:
    """Ten thousand offers, two megabytes, are read in the memory of a block and its events."""

    def blocks() -> Iterator[bytes]:
        whole = offers("%")
        before, _, after = whole.partition(b"%")
        yield before
        for number in range(100):
            yield "".join(offer(f"{number}-{n}", "5", w1="2", w2="3") for n in range(100)).encode()
        yield after

    tracemalloc.start()
    try:
        assert sum(isinstance(event, Item) for event in read_package(blocks())) == 10_000
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()
