"""The machinery of the conformance suite: its pytest plugin, requirements, recorded requests and results."""
