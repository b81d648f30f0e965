"""Pact: the calls of a consumer's tests become a consumer contract, and a mock is put into its provider states."""
