"""The storage of files that the settings name, and its collector: what the server and commands both build."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from gql_releases.blobs.blob_store import BlobStore, open_blob_store
from gql_releases.services.file_collection import FileCollector
from gql_releases.settings import Settings
from gql_releases.storage.engine.postgres import is_postgres
from gql_releases.storage.engine.process_locks import hold_process_lock
from gql_releases.storage.engine.sqlite import sqlite_path
from gql_releases.storage.store import Store


def find_files_url(settings: Settings) -> str | None:
    """Return where files are: beside a SQLite database unless it is set; None if it is not set for PostgreSQL."""
    if settings.files is not None or is_postgres(settings.database_url):
        return settings.files
    return (sqlite_path(settings.database_url).parent / "files").as_uri()


def open_files(settings: Settings) -> BlobStore | None:
    """Return the storage of files, None if there is none. Raises ValueError for settings that are not valid."""
    url = find_files_url(settings)
    if url is None:
        return None
    if url.startswith("file:"):
        return open_blob_store(url)
    return open_blob_store(url, list_file_options(settings), work_folder=settings.files_work_folder)


def list_file_options(settings: Settings) -> dict[str, str]:
    """Return the options of obstore for the storage of files."""
    secrets = {
        "access_key_id": settings.files_access_key_id,
        "secret_access_key": settings.files_secret_access_key,
        "session_token": settings.files_session_token,
        "account_key": settings.files_account_key,
    }
    texts = {
        "endpoint": settings.files_endpoint,
        "region": settings.files_region,
        "service_account": settings.files_service_account and str(settings.files_service_account),
        **{name: value and value.get_secret_value() for name, value in secrets.items()},
    }
    return {name: text for name, text in texts.items() if text}


def build_collector(settings: Settings, store: Store, blobs: BlobStore) -> FileCollector:
    """Return what removes unused files."""
    keep = None if settings.files_keep_days is None else timedelta(days=settings.files_keep_days)
    return FileCollector(store.file_collection, blobs, partial(hold_process_lock, settings.database_url), keep)
