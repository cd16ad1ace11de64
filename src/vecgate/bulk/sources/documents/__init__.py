"""Records in JSON: lists in documents, members by path, and the layouts of exports and batch outputs."""
