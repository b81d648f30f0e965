"""The scenario language: effects, the text that names them, and which of them apply to a call."""
