"""What changed between two OpenAPI documents, judged by what it does to the clients of the first."""
