"""Where a run points: `local`, `aws`, or a URL. A target is more than a URL: region, credentials,
certificates, headers.

Start at `target.open_target`. Real AWS is used only when it is named. May import the endpoint and the batch
client.
"""
