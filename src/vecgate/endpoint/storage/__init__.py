"""The endpoint's data: state in memory, vectors in columns, snapshots of query results, persistence in
SQLite.
"""
