"""Deliberately broken providers: each a small patch over the real service, and the case that must name it.

`make mutants` sets the contract's cases, Schemathesis, Specmatic and a Pact upon every one and prints who noticed.
"""
