"""The contract's cases run against a provider, and the verdict: `outpaint contract verify`."""
