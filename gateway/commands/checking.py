"""Checking settings that name what is in the schema, with one clear line for what is not there."""

from gateway.commands.reading import CommandFailed
from gateway.edge import core_of, decide_limits
from gateway.http.documents import Documents
from gateway.http.trusted import InvalidManifest, TrustedDocuments, read_manifest
from gateway.identity.permissions import FieldPermissions, UnknownField
from gateway.limits.guard import LimitGuard
from gateway.settings import Settings
from resolvers.schema import build_schema


def check_against_schema(settings: Settings) -> None:
    """Look at registered documents and at scopes of fields before any worker starts; raises CommandFailed."""
    if not (settings.identity.scopes or settings.documents.manifests):
        return
    schema = core_of(build_schema())
    try:
        FieldPermissions(schema, settings.identity.scopes)
        documents = Documents(schema, LimitGuard(schema, decide_limits(settings.limits)))
        TrustedDocuments(documents, [read_manifest(path.read_bytes()) for path in settings.documents.manifests])
    except UnknownField as error:
        raise CommandFailed(f"settings: GATEWAY_IDENTITY__SCOPES: {error}") from None
    except InvalidManifest as error:
        raise CommandFailed(f"settings: GATEWAY_DOCUMENTS__MANIFESTS: {error}") from None
    except OSError as error:
        raise CommandFailed(f"settings: GATEWAY_DOCUMENTS__MANIFESTS: {error.filename}: {error.strerror}") from None
