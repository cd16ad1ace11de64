"""Sends request bodies to a target: through boto3, or signed and sent directly."""
