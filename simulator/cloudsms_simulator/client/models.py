"""What operations return, under the names that users annotate their tests with: `Message`, `Report`, `Clock`, …

They are the Structs of `cloudsms_simulator.models`, which the server writes too. Members that a newer server adds are
ignored; what an older one does not send yet has a default. Moments are aware and in Hong Kong time; money is exact.
"""

from cloudsms_simulator.models.account import (
    AccountItem,
    CallbackItem,
    ClockItem,
    LedgerItem,
    PlayingItem,
    ReceivedReport,
    RuleItem,
    ScenarioItem,
    ScenarioPage,
    SinkItem,
    TroubleItem,
    UsedItem,
    Verdict,
)
from cloudsms_simulator.models.journal import (
    AttemptItem,
    Code,
    ForcedItem,
    MessageItem,
    OtpItem,
    PendingItem,
    ReportItem,
    RequestItem,
    SentItem,
    TimelineEntry,
    TimelineItem,
    Verified,
)
from cloudsms_simulator.models.server import Json, Page

Account = AccountItem
Attempt = AttemptItem
Callback = CallbackItem
Clock = ClockItem
Forced = ForcedItem
Message = MessageItem
Movement = LedgerItem
Otp = OtpItem
Pending = PendingItem
Playing = PlayingItem
Received = ReceivedReport
Report = ReportItem
Request = RequestItem
Rule = RuleItem
Scenario = ScenarioItem
Scenarios = ScenarioPage
Sent = SentItem
Sink = SinkItem[Json]
Timeline = TimelineItem
Trouble = TroubleItem
Used = UsedItem

__all__ = [
    "Account",
    "Attempt",
    "Callback",
    "Clock",
    "Code",
    "Forced",
    "Json",
    "Message",
    "Movement",
    "Otp",
    "Page",
    "Pending",
    "Playing",
    "Received",
    "Report",
    "Request",
    "Rule",
    "Scenario",
    "Scenarios",
    "Sent",
    "Sink",
    "Timeline",
    "TimelineEntry",
    "Trouble",
    "Used",
    "Verdict",
    "Verified",
]
