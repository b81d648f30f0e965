"""Adapters that any host may use: the machine's own clock and chance, and pictures from the web."""
