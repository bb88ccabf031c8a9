from rallypoint.testing.contract import contract_of

TestContract = contract_of(
    "zoom",
    RALLYPOINT_ZOOM_ACCOUNT_ID="an-account",
    RALLYPOINT_ZOOM_CLIENT_ID="a-client",
    RALLYPOINT_ZOOM_CLIENT_SECRET="a-client-secret",
    RALLYPOINT_ZOOM_WEBHOOK_SECRET="a-webhook-secret",
)
