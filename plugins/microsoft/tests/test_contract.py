from rallypoint.testing.contract import contract_of

TestContract = contract_of(
    "microsoft",
    RALLYPOINT_MICROSOFT_CLIENT_ID="client",
    RALLYPOINT_MICROSOFT_CLIENT_SECRET="canary-of-the-microsoft-client",
    RALLYPOINT_MICROSOFT_API_URL="http://127.0.0.1:9/v1.0",
    RALLYPOINT_MICROSOFT_TOKEN_URL="http://127.0.0.1:9/token",
)
