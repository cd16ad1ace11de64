"""The locustfile: the users, the load shape, and the listeners that connect them to a run."""

from vecgate.load.runtime.locust_setup import install
from vecgate.load.runtime.locust_users import ScheduleShape, VectorsUser

__all__ = ["ScheduleShape", "VectorsUser"]

install()
