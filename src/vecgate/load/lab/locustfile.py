"""What Locust runs: the users, the shape, and the listeners that connect them to a schedule."""

from vecgate.load.lab.users import ScheduleShape, VectorsUser
from vecgate.load.lab.wiring import install

__all__ = ["ScheduleShape", "VectorsUser"]

install()
