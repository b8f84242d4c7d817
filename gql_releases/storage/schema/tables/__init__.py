"""The tables, as SQLModel declares them, one module a noun; rows never leave storage.

Every tenant row carries `organization_id`: it is first in natural keys, and foreign keys are composite with it, so that
no reference leaves its organization and the data can be sharded by it. All modules are imported here, so that `metadata`
is complete.
"""

from importlib import import_module
from pkgutil import iter_modules

from sqlmodel import SQLModel

from gql_releases.storage.schema.columns import NAMING_CONVENTION

metadata = SQLModel.metadata
metadata.naming_convention = NAMING_CONVENTION

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
