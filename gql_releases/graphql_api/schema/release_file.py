"""Release files: files uploaded to a release by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import strawberry

from gql_releases.domain.conditions import Conditions
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
    to_one,
)
from gql_releases.graphql_api.execution.connections import Node
from gql_releases.graphql_api.execution.scalars import BigInt, JSONObject, to_global_id
from gql_releases.graphql_api.execution.services import Services
from gql_releases.graphql_api.execution.strawberry_adapter import lazy_type
from gql_releases.graphql_api.schema.fields import (
    UserError,
    errors_field,
    given_arguments,
    id_of_entity,
    null_if_empty,
    optional_field,
    required_field,
)
from gql_releases.graphql_api.schema.release_by import ReleaseBy, release_key
from gql_releases.graphql_api.schema.release_filters import optional_filter

if TYPE_CHECKING:
    from gql_releases.graphql_api.schema.release import Release
else:
    Release = lazy_type("Release", "release")


@strawberry.type(
    description=(
        "A file that was uploaded to a release by itself, as `sentry-cli releases files` does, such as a script "
        "or a source map. Files that `sentry-cli sourcemaps upload` and bundler plugins upload are in `artifactBundles`."
    )
)
class ReleaseFile(Node):
    """A release file."""

    id: strawberry.ID = node_id()
    name: str = column("name", "The name, by which frames of a stack find it, such as `~/js/app.min.js`.")
    dist: str | None = column(
        "dist", "The distribution that the file is for, such as `android-77`; null if it is for none.", null_if_empty
    )
    headers: JSONObject = column(
        "headers", 'The headers that were uploaded with it, such as {"Sourcemap": "app.min.js.map"}.', orjson.Fragment
    )
    size: BigInt = column("size", "The size in bytes, such as 48211.")
    sha1: str = column("sha1", "The SHA-1 of the contents in hex, such as `0a4d55a8d778e5022fab701977c5d840bbc486d0`.")
    date_created: datetime = column("date_created", "When the file was uploaded.")
    release: Release = to_one("release", "The release that the file belongs to.")


@strawberry.input(
    description='Conditions on release files, such as {name: "~/js/app.min.js", dist: ""}; all given ones must hold.'
)
class ReleaseFileFilter:
    """Conditions on release files."""

    name: str | None = optional_filter("Only files of exactly this name, such as `~/js/app.min.js`; case-sensitive.")
    checksums: list[str] | None = optional_filter(
        "Only files whose SHA-1 is one of these, such as `0a4d55a8d778e5022fab701977c5d840bbc486d0`, in lower case."
    )
    dist: str | None = optional_filter('Only files of this distribution, such as `android-77`; "" for those of none.')


def file_conditions(arguments: Arguments) -> Conditions:
    """Return the conditions of a ReleaseFileFilter."""
    return given_arguments("name", "checksums", "dist")(arguments.get("filter") or {})


@strawberry.input(description="Input of deleteReleaseFiles: pass `ids`, or `all: true`.")
class DeleteReleaseFilesInput:
    """Files of a release to delete."""

    release: ReleaseBy = required_field("The release whose files to delete; RELEASE_NOT_FOUND if it does not exist.")
    ids: list[strawberry.ID] | None = optional_field(
        "The ids of the files, at most 1,000 (TOO_LONG). RELEASE_FILE_NOT_FOUND for each that the release does not have: "
        "then none is deleted."
    )
    all: bool | None = optional_field("true: delete all files of the release. INVALID_CHOICE together with `ids`.")


@strawberry.type(description="Result of deleteReleaseFiles.")
class DeleteReleaseFilesPayload:
    """The payload of deleteReleaseFiles."""

    deleted_release_file_ids: list[strawberry.ID] | None = strawberry.field(
        description="The ids that the files had, to remove them from client caches; null if there are user errors."
    )
    user_errors: list[UserError] = errors_field()


async def delete_release_files(services: Services, principal: Principal, values: Input, view: PagedSelection) -> Payload:
    """Delete files of a release."""
    ids = values.get("ids")
    keys = None if ids is None else [id_of_entity("ReleaseFile", file_id) for file_id in ids]
    deleted = await services.file_deletions.delete_release_files(
        principal, release_key(values["release"]), keys, delete_all=bool(values.get("all"))
    )
    return {"deleted_release_file_ids": [to_global_id("ReleaseFile", key) for key in deleted]}


@strawberry.type
class ReleaseFileMutation:
    """Root fields that write release files."""

    delete_release_files: DeleteReleaseFilesPayload | None = mutation_field(
        delete_release_files,
        DeleteReleaseFilesInput,
        "Delete files that were uploaded to a release by themselves; this cannot be undone. Needs project:admin or "
        "project:releases (else FORBIDDEN).",
    )


MUTATION = ReleaseFileMutation

RELEASE_FILE_LIST: dict[str, Any] = {
    "order": Order("name"),
    "conditions": file_conditions,
    "arguments": [argument("filter", ReleaseFileFilter | None, "Conditions that the files must meet (default: all files).")],
}
"""What a list of release files offers."""

NODES = (ReleaseFile,)
