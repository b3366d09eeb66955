"""Customers: profiles, address books and companies."""

from sandbox.upstreams.contract import Json, Operation, Request
from sandbox.upstreams.locations import address_json
from sandbox.world import people
from sandbox.world.draw import number_of
from sandbox.world.people import Person
from sandbox.world.shop import Shop


class CustomerKeys(Request, frozen=True):
    ids: list[str]


class Customers:
    """Addresses are written in the customer's own language."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def operations(self) -> tuple[Operation[CustomerKeys]]:
        return (Operation("customers.customers", "/v1/customers/batch", CustomerKeys, self.customers, ("ids",), 100),)

    def customers(self, asked: CustomerKeys) -> Json:
        found = map(people.find, dict.fromkeys(asked.ids))
        return {"customers": [self._customer(person) for person in found if person is not None]}

    def _customer(self, person: Person) -> Json:
        name = person.id.removeprefix("cust-")
        told: Json = {
            "id": person.id,
            "contact": {
                "firstName": person.first_name,
                "lastName": person.last_name,
                "phone": person.phone,
                "email": f"{name}@example.com",
            },
            "addresses": [self._address(person, f"addr-{name}-{number}", number) for number in (1, 2)],
            "companies": [self._company(person, name)] if person.company else [],
        }
        if person.birthday is not None:
            told["birthday"] = person.birthday
        return told

    def _address(self, person: Person, key: str, number: int) -> Json:
        """Lives next to a pickup point of the home city."""
        homes = [place for place in self._shop.places.in_city[person.locality_id] if place.kind == "PICKUP_POINT"]
        home = homes[(number_of(person.id) + number) % len(homes)]
        flat = str(1 + number_of(key) % 200)
        address = address_json(home, person.language)
        return address | {
            "id": key,
            "flat": flat,
            "note": f"Подъезд {number}",
            "formatted": f"{address['formatted']}, {flat}",
        }

    def _company(self, person: Person, name: str) -> Json:
        digits = number_of(name)
        return {
            "id": f"comp-{name}",
            "legalName": person.company,
            "taxId": f"77{digits % 10**8:08d}",
            "registrationCode": "770101001",
            "legalAddress": address_json(self._shop.places.stores[digits % 8], person.language),
        }
