"""The shop floor: GraphQL types and fields, one module per domain."""
