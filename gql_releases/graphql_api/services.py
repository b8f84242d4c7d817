"""What the GraphQL door needs of the house."""

from __future__ import annotations

from dataclasses import dataclass

from gql_releases.auth.minting import Mint
from gql_releases.services.deploys import DeployService
from gql_releases.services.inventory import InventoryService
from gql_releases.services.reading import ReadService
from gql_releases.services.releases import ReleaseService


@dataclass(frozen=True, slots=True)
class Services:
    """The services behind the root fields."""

    reads: ReadService
    releases: ReleaseService
    deploys: DeployService
    inventory: InventoryService
    tokens: Mint
    large: bool = False
    """Whether they are asked by a large request, whose input is read in a thread."""
