"""``/api/v1/partners``."""

from __future__ import annotations

from rallypoint.sdk import Call, Data, Reply, Route, Routes
from rallypoint_partners.partner import Partner
from rallypoint_partners.partners import Partners
from rallypoint_partners.schemas import PartnerOut
from rallypoint_partners.webhooks import path_of


def partner_routes(partners: Partners) -> list[Route]:
    """Return the plugin's routes."""
    routes = Routes("/api/v1/partners", tag="partners")

    @routes.add("GET", "", summary="List partners", replies={200: Data[list[PartnerOut]]})
    async def list_partners(_call: Call) -> Reply:
        return Reply(Data(data=[_out(partner) for _, partner in sorted(partners.by_name.items())]))

    return routes


def _out(partner: Partner) -> PartnerOut:
    config = partner.config
    return PartnerOut(
        name=config.name,
        title=config.title,
        direction=partner.direction,
        capabilities=sorted(config.capabilities),
        webhook_path=path_of(config.name) if config.webhook else None,
    )
