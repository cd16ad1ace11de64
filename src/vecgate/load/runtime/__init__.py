"""The processes of a load test, on Locust.

On the master, `coordinator` creates the resources, partitions the schedule, adds up the reports of the
workers and writes the result stream. In each worker process, `worker` gets ready and reports every second,
Locust's users (`locust_users`) serve the arrivals of its `dispatcher`, and `request_sending` sends the
requests. A single process has both sides. `locust_setup` connects them to Locust.

Besides `vecgate.locust` this package alone imports Locust, which patches the standard library when it is
imported. Only `locustfile` and `__main__` import `locust_setup` and `locust_users`.
"""
