"""Guards Locust's web interface: which requests it serves, what its form may set, its password.

It never imports Locust; `load/runtime/locust_setup.py` passes Locust's interface. Start with `web_guard`.
"""
