"""Pact: what a consumer's tests did against the mock becomes a consumer contract, and one is checked against ours."""
