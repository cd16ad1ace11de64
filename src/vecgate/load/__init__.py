"""The load lab: open-loop ramps on Locust, with thresholds, price and care for the bucket.

`arrivals` and `sharing` say when each request is due and on which worker, and decide nothing else. `lab` is
all that imports locust: that patches the standard library, so only the processes of a load test do it.
"""
