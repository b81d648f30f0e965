"""The contract in the forms that other tools read: OpenAPI 3.1 and 3.0, JSON Schema, AsyncAPI."""
