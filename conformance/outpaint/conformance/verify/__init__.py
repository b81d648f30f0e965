"""Runs the contract's cases against a provider and tells what was proven, as `outpaint contract verify` does."""
