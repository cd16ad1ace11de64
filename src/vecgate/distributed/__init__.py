"""Writes and reads of many processes on a cluster: the core, and the connectors for Ray and Spark.

Start with `ray` or `spark`, each of which needs the extra of its name. `batch_writing` writes Arrow record
batches and `shared_budget` keeps the rate of an index for all of its writers; both know no engine. Nothing in
vecgate imports this package.
"""
