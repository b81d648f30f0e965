"""The floor's public names, lazily."""
