"""Drift: what a consumer and a real provider said to each other, and whether others would still say the same."""
