"""The operations page and all that it answers with: a second listener, for the people who run the gateway."""
