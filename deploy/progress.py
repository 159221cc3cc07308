"""Prints how much a backfill has to read, and how much is done."""

import time

from words import counted, duration, say, size


def show_estimate(estimate):
    """Prints how much there is to read."""
    say(
        f"{counted(estimate['log_files'], 'log file', 'log files')} with {size(estimate['bytes'])}, "
        f"of {counted(estimate['accounts'], 'account', 'accounts')}, {counted(estimate['regions'], 'Region', 'Regions')} and "
        f"{counted(estimate['days'], 'day', 'days')} (the day before and the day after are read too)"
    )
    how = "by the state machine, many parts at once" if estimate["by_fleet"] else "by one invocation after another"
    say(
        f"{counted(estimate['items'], 'part', 'parts')}, {how}; about {duration(estimate['seconds'])} of one processor, "
        f"and about US$ {estimate['cost_usd']:.4f}"
    )


class Progress:
    """Prints a line when there is progress."""

    def __init__(self):
        self.first, self.done, self.moved = None, None, time.monotonic()

    def show(self, done, of, unit):
        """Prints how much is done."""
        now = time.monotonic()
        if self.first is None or done < self.first[1]:
            self.first = (now, done)
        if done == self.done:
            return
        self.done, self.moved = done, now
        since, before = self.first
        rate = (done - before) / (now - since) if now > since else 0
        line = f"{done:,} of {of:,} {unit}" + (f" ({done / of:.0%})" if of else "")
        if rate > 0:
            line += f", {rate:,.0f} a second" if rate >= 1 else f", {rate * 60:.1f} a minute"
            line += f", about {duration(max(of - done, 0) / rate)} left"
        say(line)
