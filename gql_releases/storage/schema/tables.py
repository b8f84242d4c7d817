"""The tables, as SQLModel declares them; rows never leave storage.

Every tenant row carries `organization_id`: it stands first in natural keys, and foreign keys are composite with it, so that
no reference leaves its organization and the data can be sharded by it.
"""

from __future__ import annotations

from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import (
    NAMING,
)

metadata = SQLModel.metadata
metadata.naming_convention = NAMING
