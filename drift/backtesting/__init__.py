"""What would have been paged: a file of events through the very pipeline and detectors of production, at the data's own
time; and two data sets compared once. `drift.backtest` and `drift.compare` stand here.

1. plan     `plan.Plan`                what the user said → a model's settings
2. read     `events.Events`            a file or DataFrame → a source and its decoder
3. count    `Worker` of the service    records → panes, in a SQLite store of its own in a temporary folder
4. judge    `Evaluator` of the service every whole window, oldest first, once all rows are counted
5. tell     `result.Backtest`          windows, alarms, budget; the same bytes whenever it is run on the same data
"""

from drift.backtesting.comparing import Compared, compare
from drift.backtesting.result import Backtest
from drift.backtesting.run import backtest

__all__ = ["Backtest", "Compared", "backtest", "compare"]
