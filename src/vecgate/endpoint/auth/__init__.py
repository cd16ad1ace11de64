"""Authentication with Signature Version 4, and access control by principal."""
