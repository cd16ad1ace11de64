"""Optional faults, latencies and quotas. The same seed gives the same faults and latencies."""
