"""Pacts of consumers held against the contract and a provider."""
