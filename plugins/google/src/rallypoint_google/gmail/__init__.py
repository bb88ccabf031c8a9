"""Gmail: sign-in, sending, and hearing what arrives."""
