"""When a courier comes and what each way of delivery costs, by city."""

import datetime as dt
from zoneinfo import ZoneInfo

from sandbox.world.places import City

CUT_OFF_HOUR = 20
EXPRESS_TO = 19


def local(now: dt.datetime, city: City) -> dt.datetime:
    """The moment by the city's clocks."""
    return now.astimezone(ZoneInfo(city.time_zone))


def cut_off(now: dt.datetime, city: City, hour: int = CUT_OFF_HOUR) -> dt.datetime:
    """The next moment at which the day's orders close in the city: today's, or tomorrow's when it has passed."""
    here = local(now, city)
    today = here.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if here < today else today + dt.timedelta(days=1)


def courier_day(now: dt.datetime, city: City) -> dt.date:
    """The soonest day of a courier for what is in a warehouse."""
    return (cut_off(now, city) + dt.timedelta(days=city.days)).date()
