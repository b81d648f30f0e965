"""Our own hosts as providers that the contract's cases are proven on."""
