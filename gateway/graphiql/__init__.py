"""The GraphiQL page, served by us with every asset local: works with no internet and under a strict CSP."""

from gateway.graphiql.pages import PageOperation, read_page_operations
from gateway.graphiql.routes import Customer, SignIn, routes

__all__ = ["Customer", "PageOperation", "SignIn", "read_page_operations", "routes"]
