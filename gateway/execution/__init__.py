"""Compiled execution: `graphql.execute`, prepared once per document. See `docs/execution.md`."""

from gateway.execution.drafts import Draft, Sketch
from gateway.execution.drop_in import Execution, PlanCache, executable_schema
from gateway.execution.errors import NotCompiled
from gateway.execution.explain import explain
from gateway.execution.plan import Plan, Request, compile_plan
from gateway.execution.writing import Written, dump

__all__ = [
    "Draft",
    "Execution",
    "NotCompiled",
    "Plan",
    "PlanCache",
    "Request",
    "Sketch",
    "Written",
    "compile_plan",
    "dump",
    "executable_schema",
    "execute",
    "explain",
]

execute = Execution().execute
"""A drop-in for `graphql.execute` with a plan cache of its own, for callers who hold none."""
