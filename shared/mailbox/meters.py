"""What operators see of a mailbox."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Meters:
    """The mailbox's metrics; labels are names of the house, never anything about a person."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.letters = Counter(
            "mailbox_letters", "Letters by what became of them", ["consumer", "outcome"], registry=registry
        )
        self.batch = Histogram(
            "mailbox_batch_letters",
            "Letters that shared a transaction",
            ["consumer"],
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
            registry=registry,
        )
        self.handling = Histogram(
            "mailbox_handling_seconds", "Time of one transaction", ["consumer"], registry=registry
        )
        self.said = Counter("mailbox_said", "Facts said, by type", ["fact"], registry=registry)
        self.sent = Counter("mailbox_sent", "Facts JetStream took, by stream", ["stream"], registry=registry)
        self.forgotten = Counter(
            "mailbox_forgotten", "Facts said again because the broker forgot them", ["stream"], registry=registry
        )
        self.unsent = Gauge("mailbox_unsent", "Facts that wait for JetStream", registry=registry)
        self.oldest = Gauge("mailbox_oldest_unsent_seconds", "Age of the oldest fact that waits", registry=registry)
        self.aside = Gauge("mailbox_letters_aside", "Letters put aside, by state", ["state"], registry=registry)
        self.timers = Gauge("mailbox_timers_waiting", "Timers that have not rung", registry=registry)
        self.rang = Counter("mailbox_timers_rung", "Timers by what became of them", ["outcome"], registry=registry)
        self.errands = Gauge("mailbox_errands_open", "Calls to the outside world not yet done", registry=registry)
        self.given_up = Gauge(
            "mailbox_given_up",
            "Calls and timers that failed too often, tried again at the next start",
            ["what"],
            registry=registry,
        )
        self.calls = Counter(
            "mailbox_errand_calls", "Calls made, by errand and outcome", ["errand", "outcome"], registry=registry
        )
        self.away = Counter("mailbox_database_away", "Times the database could not be reached", registry=registry)
