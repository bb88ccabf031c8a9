"""The parts of integrations, put together once for each server."""

from __future__ import annotations

from rallypoint.domains.integrations.defaults import Defaults
from rallypoint.domains.integrations.pages import Pages
from rallypoint.domains.integrations.service import IntegrationService
from rallypoint.domains.integrations.sessions import Sessions
from rallypoint.plugins.context import PluginContext


class IntegrationsDomain:
    """What the hooks of integrations share.

    Args:
        ctx: The kernel's services.
    """

    def __init__(self, ctx: PluginContext) -> None:
        kernel = ctx.kernel
        self.defaults = Defaults(kernel.connections, kernel.database)
        self.service = IntegrationService(ctx, self.defaults)
        self.pages = Pages(self.service, Sessions(kernel.identity, kernel.vault, kernel.settings))
