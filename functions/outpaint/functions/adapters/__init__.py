"""Adapters that any host may use: the system's clock and random numbers, and pictures from the web."""
