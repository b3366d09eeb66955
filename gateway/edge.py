"""Composing the front door: documents, limits, identity, operations, and the two ways in."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import strawberry
from graphql import GraphQLSchema

from gateway.contexts import Contexts
from gateway.http.documents import Documents
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.lookup import Accepted, DocumentLookup
from gateway.http.operations import Operations
from gateway.http.origins import Origins
from gateway.http.persisted import TextStore
from gateway.http.ports import Authenticate, Executor, Journal, Recall
from gateway.http.rules import EdgeRules
from gateway.http.socket import SocketEndpoint, SocketParts
from gateway.http.trusted import TrustedDocuments, read_manifest
from gateway.identity.permissions import FieldPermissions
from gateway.limits.excess_log import ExcessLog
from gateway.limits.guard import LimitGuard
from gateway.limits.policy import LimitPolicy, Limits, Mode
from gateway.limits.rate import Buckets, ClientQuota, ClientRates, Rate
from gateway.limits.slots import Slots
from gateway.resilience.admission import Admission
from gateway.resilience.door import AdmissionDoor, App
from gateway.resilience.rank import make_rank_of
from gateway.settings import DocumentSettings, LimitSettings, Settings
from gateway.sharing import Sharing


@dataclass(frozen=True, slots=True)
class Edge:
    """The two ways in; `http` has the door that sends requests away when the process is overloaded."""

    http: App
    socket: App
    documents: Documents
    places: Slots


@dataclass(frozen=True, slots=True)
class EdgeParts:
    """What the front door opens on."""

    executor: Executor
    contexts: Contexts
    authenticate: Authenticate
    journal: Journal
    admission: Admission
    sharing: Sharing
    recall: Recall | None = None


def core_of(schema: strawberry.Schema) -> GraphQLSchema:
    """The schema that Strawberry wraps; it has no public name for it."""
    return schema._schema  # noqa: SLF001


def make_edge(
    settings: Settings, schema: GraphQLSchema, parts: EdgeParts, now: Callable[[], float] = time.time
) -> Edge:
    """Put the front door before an executor; call inside the event loop."""
    rules = decide_rules(settings)
    policy = decide_limits(settings.limits)
    documents = Documents(schema, LimitGuard(schema, policy, ExcessLog(policy.mode)))
    operations = Operations(
        schema=schema,
        lookup=make_lookup(settings.documents, documents, parts.sharing.texts),
        executor=parts.executor,
        make_context=parts.contexts.make,
        rules=rules,
        journal=parts.journal,
        quota=make_quota(settings, parts.sharing.buckets),
        permissions=FieldPermissions(schema, settings.identity.scopes),
        recall=parts.recall,
        wall_clock=now,
    )
    places = Slots()
    endpoint = GraphQLEndpoint(
        operations, authenticate=parts.authenticate, rules=rules, journal=parts.journal, places=places
    )
    socket = SocketParts(operations, parts.authenticate, parts.journal, places, rules.origins)
    door = AdmissionDoor(endpoint, parts.admission, make_rank_of(settings.limits.expendable), rules.origins.headers_for)
    return Edge(door, SocketEndpoint(socket), documents, places)


def make_lookup(settings: DocumentSettings, documents: Documents, texts: TextStore) -> DocumentLookup:
    """Documents by text, by hash and by registered id; raises InvalidManifest for a manifest that is none."""
    manifests = [read_manifest(path.read_bytes()) for path in settings.manifests]
    return DocumentLookup(
        documents,
        trusted=TrustedDocuments(documents, manifests),
        texts=None if settings.only_trusted else texts,
        accepted=Accepted.TRUSTED if settings.only_trusted else Accepted.ANY,
    )


def make_quota(settings: Settings, buckets: Buckets) -> ClientQuota | None:
    """What each client may ask for; nothing is counted on a developer's machine or when the rate is 0."""
    rates = settings.limits
    if settings.development.is_enabled or not rates.requests_per_s:
        return None
    requests = Rate(per_s=rates.requests_per_s, burst=2 * rates.requests_per_s)
    cost = Rate(per_s=rates.cost_per_s, burst=20 * rates.cost_per_s)
    return ClientQuota(buckets, ClientRates(requests, cost))


def decide_limits(settings: LimitSettings) -> LimitPolicy:
    """The default limits with the operator's exceptions, enforced or only measured."""
    limits = Limits()
    exceptions = {sha256: replace(limits, **changes) for sha256, changes in settings.exceptions.items()}
    return LimitPolicy(limits, exceptions, Mode(settings.mode))


def decide_rules(settings: Settings) -> EdgeRules:
    """How open the door is: production's rules, or a developer's."""
    is_open = settings.development.is_enabled
    origins = Origins(frozenset(origin.encode() for origin in settings.origins))
    return EdgeRules(get_queries=is_open, introspection=is_open, origins=origins)
