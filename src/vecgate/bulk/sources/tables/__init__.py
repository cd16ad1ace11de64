"""Sources that are Arrow tables: Parquet and Arrow IPC files."""
