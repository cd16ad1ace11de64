"""`locust -f loadtests/locustfile.py --vecgate-scenario ramp-1000 --vecgate-target local`: see README.md."""

from vecgate.load.runtime.locustfile import ScheduleShape, VectorsUser

__all__ = ["ScheduleShape", "VectorsUser"]
