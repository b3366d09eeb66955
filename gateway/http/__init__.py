"""The front door: GraphQL over HTTP, and nothing gets in that does not belong."""
