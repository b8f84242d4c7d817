"""The settings, read from GQL_RELEASES_* and .env."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gql_releases.domain.cache_budget import DEFAULT_CACHE_BYTES
from gql_releases.domain.events.retention import DEFAULT_PROJECT_BYTES

MEBIBYTE = 1024 * 1024
PLATFORM_VARIABLES = {"port": "PORT", "database_url": "DATABASE_URL"}
"""Setting -> the variable of hosting platforms that is read if the setting is not set."""


class Settings(BaseSettings):
    """All settings, each from the variable GQL_RELEASES_<NAME>. Immutable."""

    model_config = SettingsConfigDict(
        env_prefix="GQL_RELEASES_", env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore"
    )

    database_url: str = Field(
        "sqlite:///gql-releases.db", description="sqlite:///file.db, relative to the current folder, or postgresql://."
    )
    pool_size: int = Field(10, ge=1, description="Connections to PostgreSQL that a process holds at most.")
    pool_seconds: float = Field(15.0, gt=0, description="Seconds that a request may wait for a connection to PostgreSQL.")
    read_timeout: float = Field(5.0, gt=0, le=55, description="Seconds that a read of the database may take.")
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on.")
    log_level: str = Field("info", description="One of debug, info, warning, error.")
    log_format: str = Field("text", description="text, for people, or json: one object a line.")
    metrics: bool = Field(False, description="Whether /metrics answers, without a token, with metrics for Prometheus.")
    worker_timeout: int = Field(
        60, ge=1, le=3600, description="Seconds after which a worker process that does not respond is replaced."
    )
    public_url: str | None = Field(None, description="The origin that clients use, for links behind a proxy.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins, separated by commas, whose pages may ask; * for any, http://localhost:* for local pages."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses and networks of proxies, separated by commas, whose X-Forwarded-For and -Proto are read."
    )
    refusal_limit: int = Field(
        60, ge=1, description="Requests a minute and client address that may be refused with 401; needs trusted_proxies."
    )
    create_projects: bool = Field(False, description="Whether a project that a creation names is made.")
    max_body_size: int = Field(32 * MEBIBYTE, ge=1024, description="Bytes that a request's body may have.")
    max_anonymous_body_size: int = Field(
        128 * 1024, ge=1024, description="Bytes that a GraphQL request's body may have without a token."
    )
    max_request_line: int = Field(16 * 1024, ge=1024, description="Bytes of a request line; more are a 414.")
    max_header_bytes: int = Field(
        64 * 1024, ge=1024, description="Bytes of a request's headers, and of its trailers and chunk extensions; more: 431."
    )
    max_headers: int = Field(100, ge=10, description="Headers of a request, and trailers; more are a 431.")
    header_timeout: float = Field(15.0, gt=0, le=3600, description="Seconds until a request's headers must be complete.")
    body_timeout: float = Field(10.0, gt=0, le=3600, description="Seconds that a body may pause; longer is a 408.")
    body_min_rate: int = Field(
        1024, ge=0, description="Bytes a second that a body must come in, and an answer be read with, in body_rate_window."
    )
    body_rate_window: float = Field(30.0, gt=0, le=3600, description="Seconds over which body_min_rate is measured.")
    keep_alive_timeout: int = Field(5, ge=1, le=3600, description="Seconds that a connection may wait for a next request.")
    max_connections: int | None = Field(
        None, ge=16, description="Connections of a process; none: what the limit of open files allows, at most 16,384."
    )
    shutdown_timeout: int = Field(30, ge=2, le=3600, description="Seconds that a process that ends leaves to requests.")
    rate_limit: int | None = Field(
        None, ge=1, description="Requests that a token may make in a minute, counted by each process; none: any number."
    )
    max_cost: int = Field(100_000, ge=1, description="What a GraphQL operation may cost; see docs/graphql-limits.md.")
    cache_bytes: int = Field(
        DEFAULT_CACHE_BYTES,
        ge=MEBIBYTE,
        description="Bytes that a process keeps for reuse: operations, plans and prepared statements, as estimated.",
    )
    public_schema: bool = Field(
        True,
        description="Whether introspection and /schema.graphql answer without a token; the page needs it.",
    )
    draft_status: bool = Field(
        False,
        description="Whether GraphQL answers with the draft's status codes: 422 for validation, 294 for partial success.",
    )
    trusted_documents: Path | None = Field(
        None, description="A manifest of trusted GraphQL documents, or a folder of manifests and <id>.graphql files."
    )
    secret_key: SecretStr | None = Field(
        None, description="The secret that encrypts upstreams' tokens: at least 32 random characters."
    )
    forward_timeout: float = Field(15.0, gt=0, le=300, description="Seconds that one request to an upstream may take.")
    files: str | None = Field(
        None, description="Where files are: file:///folder, s3://bucket, gs://bucket or az://account/container."
    )
    files_endpoint: str | None = Field(None, description="The URL of the service of S3, if it is not Amazon's.")
    files_region: str | None = Field(None, description="The region of the bucket of S3.")
    files_access_key_id: SecretStr | None = Field(None, description="The id of the key of S3.")
    files_secret_access_key: SecretStr | None = Field(None, description="The secret of the key of S3.")
    files_session_token: SecretStr | None = Field(None, description="The session token of the key of S3.")
    files_account_key: SecretStr | None = Field(None, description="The key of the account of Azure.")
    files_service_account: Path | None = Field(None, description="The file with the service account of Google Cloud.")
    files_work_folder: Path | None = Field(
        None, description="A local folder for uploads to a bucket, and copies; none: in the system's temporary folder."
    )
    files_keep_days: int | None = Field(
        None, ge=1, description="Days after which a bundle or debug file that nobody uses is removed; none: never."
    )
    files_quota: int | None = Field(
        None, ge=0, description="Bytes of files that an organization may store; none: any number."
    )
    events_quota: int = Field(100_000, ge=1, description="Events that a project may store in an hour.")
    events_project_bytes: int = Field(
        DEFAULT_PROJECT_BYTES,
        ge=0,
        description="Bytes of events that a project may have; the oldest are removed.",
    )
    events_max_releases: int = Field(
        100, ge=0, description="Releases that events and sessions of a project may create in an hour."
    )
    events_max_environments: int = Field(
        100, ge=0, description="Environments that events and sessions of a project may create in an hour."
    )
    events_max_issues: int = Field(1000, ge=0, description="Issues that events of a project may create in an hour.")
    max_file_size: int = Field(2048 * MEBIBYTE, ge=1024, le=2**53, description="Bytes that an uploaded file may have.")
    trusted_only: bool = Field(False, description="Whether only trusted documents are executed.")

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)  # raises ValueError
        return value

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("log_level")
    @classmethod
    def _check_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("must be debug, info, warning or error")
        return value.lower()

    @field_validator("log_format")
    @classmethod
    def _check_format(cls, value: str) -> str:
        if value.lower() not in ("text", "json"):
            raise ValueError("must be text or json")
        return value.lower()

    @field_validator("secret_key")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 32:
            raise ValueError("must have at least 32 characters, as `openssl rand -base64 32` makes them")
        return value

    @field_validator("files")
    @classmethod
    def _check_files(cls, value: str | None) -> str | None:
        if value and not value.startswith(("file:///", "s3://", "gs://", "az://")):
            raise ValueError("must begin with file:///, s3://, gs:// or az://")
        return value or None

    @field_validator("public_url")
    @classmethod
    def _check_origin(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/") if value else None


def read_platform_settings() -> tuple[Settings, list[str]]:
    """Return the settings, with PORT and DATABASE_URL of the environment for those that are not set.

    Returns also the names of the used variables. Raises ValidationError.
    """
    own = Settings()
    used = {
        name: variable
        for name, variable in PLATFORM_VARIABLES.items()
        if name not in own.model_fields_set and os.environ.get(variable)
    }
    if not used:
        return own, []
    values: dict[str, Any] = {name: os.environ[variable] for name, variable in used.items()}
    return Settings(**values), list(used.values())
