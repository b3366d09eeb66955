"""Voucherify's error, of which `code` repeats the status."""

from sandbox.upstreams.contract import Json


class Refused(Exception):
    """A request that gets an error instead of an answer."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status = status
        self.key = key

    def told(self) -> Json:
        return {
            "code": self.status,
            "key": self.key,
            "message": "Traceback of the vendor",
            "details": "Told to nobody",
            "request_id": "v-0a885062c80375740f",
        }


def refuse(status: int, key: str) -> Refused:
    """The error to raise."""
    return Refused(status, key)
