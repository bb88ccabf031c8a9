from rallypoint.testing.contract import contract_of

TestContract = contract_of(
    "google",
    RALLYPOINT_GOOGLE_CLIENT_ID="client",
    RALLYPOINT_GOOGLE_CLIENT_SECRET="canary-of-the-google-client",
    RALLYPOINT_GOOGLE_API_URL="http://127.0.0.1:9",
    RALLYPOINT_GOOGLE_GMAIL_API_URL="http://127.0.0.1:9",
    RALLYPOINT_GOOGLE_TOKEN_URL="http://127.0.0.1:9/token",
    RALLYPOINT_GOOGLE_REVOKE_URL="http://127.0.0.1:9/revoke",
)
