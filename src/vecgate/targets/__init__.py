"""Targets: the server that a run sends to, with its region, credentials, certificates and headers.

Start at `resolution.open_target`, which opens `local`, `moto`, `aws`, a URL or a TOML file; `target` has the
types. Real AWS is used only if it is named. May import the endpoint and the batch client.
"""
