"""Artifact bundles: uploaded scripts and source maps, the artifacts of a debug id, and the totals of a release."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions, build_search_condition
from gql_releases.domain.file_urls import normalize_debug_id
from gql_releases.domain.paging import Order
from gql_releases.domain.principal import Principal
from gql_releases.domain.selection import PagedSelection
from gql_releases.graphql_api.execution.bindings import (
    Arguments,
    Input,
    Payload,
    argument,
    column,
    mutation_field,
    node_id,
    query_field,
    reference_field,
    to_many,
    to_one,
)
from gql_releases.graphql_api.execution.connections import Connection, Node
from gql_releases.graphql_api.execution.scalars import BigInt, JSONObject
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import (
    UserError,
    errors_field,
    id_of_entity,
    null_if_empty,
    optional_field,
    required_field,
)

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.project import Project
    from gql_releases.graphql_api.schema.release import Release
else:
    Project = lazy_type("Project", "project")
    Release = lazy_type("Release", "release")

DEBUG_ID_LENGTH = 36
"""Characters of a script's debug id: a UUID, without the age that debug files of other formats have."""


def search_argument(description: str) -> Any:
    """Return the argument `query` of a list."""
    return argument("query", str | None, f"{description} Costs 1,000.")


def search_conditions(arguments: Arguments) -> Conditions:
    """Return the condition of the argument `query`."""
    return () if arguments.get("query") is None else (build_search_condition(arguments["query"]),)


def _artifact_project(arguments: Arguments) -> Conditions:
    """Return the condition for a file of an artifact: the project of the root field `artifact`."""
    return (("artifact_project", arguments["project"]),)


@strawberry.enum(description="The type of a file in an artifact bundle.")
class ArtifactFileType(Enum):
    """The type of a manifest's file, in upper case."""

    MINIFIED_SOURCE = strawberry.enum_value("MINIFIED_SOURCE", description="A script as it is served, such as `app.min.js`.")
    SOURCE_MAP = strawberry.enum_value("SOURCE_MAP", description="A source map, such as `app.min.js.map`.")
    SOURCE = strawberry.enum_value("SOURCE", description="An original source, such as `src/app.ts`.")
    INDEXED_RAM_BUNDLE = strawberry.enum_value("INDEXED_RAM_BUNDLE", description="A bundle of scripts of React Native.")
    OTHER = strawberry.enum_value("OTHER", description="A file of another type, which is kept and not used.")


@strawberry.type(
    description=(
        "Files that were uploaded together: scripts and their source maps, as `sentry-cli sourcemaps upload` and bundler "
        "plugins upload them. Its files lead from the frames of a stack to the original sources (see `symbolicate`)."
    )
)
class ArtifactBundle(Node):
    """An artifact bundle."""

    id: strawberry.ID = node_id()
    bundle_id: str = column(
        "bundle_id",
        "The id that the client derived from the contents, such as `4c9e2a3f-11d2-5f43-8c3b-0b1d2e3f4a5b`. Uploads of the "
        "same files for other releases or projects have the same bundle.",
    )
    size: BigInt = column("size", "The size of the uploaded archive in bytes, such as 482113.")
    file_count: int = column("file_count", "The number of files in the bundle, such as 12.")
    date_uploaded: datetime = column("date_uploaded", "When the bundle was uploaded first.")
    date_modified: datetime = column(
        "date_modified", "When the bundle was uploaded last, also for another release or project. The newest one is used."
    )
    projects: Connection[Project] | None = to_many(
        "projects", "The projects that the bundle was uploaded for, the first created first.", Order("project_id")
    )
    associations: Connection[ArtifactBundleAssociation] | None = to_many(
        "associations", "The versions that the bundle was uploaded for, in the order of the uploads.", Order("id")
    )
    files: Connection[ArtifactFile] | None = to_many(
        "files",
        "The files of the bundle, in the order of its manifest.",
        Order("id"),
        conditions=search_conditions,
        arguments=[search_argument("Only files whose path, URL or debug id contains this text, in upper or lower case.")],
    )


@strawberry.type(description="A version, and perhaps a distribution of it, that an artifact bundle was uploaded for.")
class ArtifactBundleAssociation:
    """An association of a bundle with a version and dist."""

    version: str = column("version", "The version, such as `web@1.4.0+77`. A release of this version need not exist.")
    dist: str | None = column(
        "dist", "The distribution, such as `android-77`; null if the bundle was uploaded for none.", null_if_empty
    )
    release: Release | None = reference_field(
        "release", "The organization's release of this version; null if there is none.", lambda arguments: ()
    )


@strawberry.type(description="A file of an artifact bundle, as the bundle's manifest describes it.")
class ArtifactFile:
    """A file of a bundle."""

    path: str = column("path", "The path in the archive, such as `files/_/_/js/app.min.js`.")
    url: str | None = column(
        "url", "The URL that frames find the file by, such as `~/js/app.min.js` for any host; null if it has none."
    )
    type: ArtifactFileType = column("type", "The type, such as MINIFIED_SOURCE.", str.upper)
    debug_id: str | None = column(
        "debug_id",
        "The debug id that a script shares with its source map, such as `4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b`; null if "
        "the file has none.",
    )
    source_map: str | None = column(
        "source_map", "The reference to the source map in the headers, such as `app.min.js.map`; null if there is none."
    )
    headers: JSONObject = column(
        "headers", 'The headers in the manifest, such as {"sourcemap": "app.min.js.map"}.', orjson.Fragment
    )
    size: BigInt = column("size", "The size in bytes after decompression, such as 48211.")


@strawberry.type(
    description="The files of a debug id in a project: the script and its source map, of the bundle that was modified last."
)
class Artifact:
    """The artifacts of a debug id."""

    debug_id: str = column("debug_id", "The debug id, such as `4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b`.")
    minified_source: ArtifactFile | None = reference_field(
        "minified_source", "The script of this debug id; null if it was not uploaded.", _artifact_project
    )
    source_map: ArtifactFile | None = reference_field(
        "source_map", "The source map of this debug id; null if it was not uploaded.", _artifact_project
    )
    bundle: ArtifactBundle = to_one("bundle", "The bundle that was modified last of those with a file of this debug id.")
    sources: Connection[ArtifactFile] | None = to_many(
        "sources",
        "The original sources in the bundle, for source maps that do not contain them.",
        Order("id"),
        conditions=lambda arguments: (("is_source", True),),
    )


@strawberry.type(
    description="Totals of the files that were uploaded for a release's version, in artifact bundles and as release files."
)
class ReleaseArtifacts:
    """The totals of a version."""

    total: int = column("total", "The number of files, such as 24.")
    with_debug_ids: int = column("with_debug_ids", "The number of files that have a debug id, such as 24.")
    last_uploaded: datetime = column("last_uploaded", "When a file was uploaded last.")


def _find_artifact(arguments: Arguments, principal: Principal) -> Conditions | None:
    debug_id = normalize_debug_id(arguments["debug_id"])
    if arguments["organization"] != principal.organization_slug or debug_id is None:
        return None
    return (("artifact", (arguments["project"], debug_id[:DEBUG_ID_LENGTH])),)


@strawberry.type
class ArtifactBundleQuery:
    """Root fields that read artifacts."""

    artifact: Artifact | None = query_field(
        "one",
        "The script and the source map with a debug id in a project; null if no bundle of the project has it or the token "
        "has no access to the project. Needs project:read or a scope that writes releases (else FORBIDDEN).",
        _find_artifact,
        [
            argument("organization", str, "The organization's slug, such as `acme`."),
            argument("project", str, "The project's slug, such as `web`."),
            argument(
                "debug_id",
                str,
                "The debug id, such as `4c9e2a3f-11d2-4f43-8c3b-0b1d2e3f4a5b`; upper case and 32 hex digits without dashes "
                "are accepted.",
            ),
        ],
        passes_arguments=True,
    )


@strawberry.input(description="Input of deleteArtifactBundle.")
class DeleteArtifactBundleInput:
    """A bundle to delete."""

    id: strawberry.ID = required_field(
        "The id of the bundle; ARTIFACT_BUNDLE_NOT_FOUND if it does not exist, or is not in the project."
    )
    project: str | None = optional_field(
        "The slug of a project, such as `web`: take the bundle from this project only, and delete it if it is in no other "
        "(default: delete it for all projects). PROJECT_NOT_FOUND if it does not exist."
    )


@strawberry.type(description="Result of deleteArtifactBundle.")
class DeleteArtifactBundlePayload:
    """The payload of deleteArtifactBundle."""

    deleted_artifact_bundle_id: strawberry.ID | None = strawberry.field(
        description="The id of the bundle that was deleted, or taken from the project; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def delete_artifact_bundle(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Delete a bundle, or take it from a project."""
    bundle = id_of_entity("ArtifactBundle", values["id"])
    await services.file_deletions.delete_bundle(principal, bundle, values.get("project"))
    return {"deleted_artifact_bundle_id": values["id"]}


@strawberry.type
class ArtifactBundleMutation:
    """Root fields that write artifact bundles."""

    delete_artifact_bundle: DeleteArtifactBundlePayload | None = mutation_field(
        delete_artifact_bundle,
        DeleteArtifactBundleInput,
        "Delete a bundle with its files, or take it from one project; this cannot be undone. Needs project:admin or "
        "project:releases (else FORBIDDEN).",
    )


QUERY = ArtifactBundleQuery

MUTATION = ArtifactBundleMutation

NODES = (ArtifactBundle,)
