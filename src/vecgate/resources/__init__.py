"""The buckets and indexes that a run creates: handles, the factory, the creation log, orphans, clean-up.

Start at `resource_factory.open_resource_factory`. Nothing that vecgate did not create is ever deleted. May
import `targets` and the batch client's senders; never the endpoint, the load test or the command line.
"""
