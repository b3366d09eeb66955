"""Why an operation is not ours to run."""


class NotCompiled(Exception):
    """The compiled executor does not run the operation; graphql-core can.

    `reason` is short and comes from a closed set, so it may label a metric.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"not compiled: {reason}")
        self.reason = reason
