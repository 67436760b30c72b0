"""The second straight line: pane → page.

1. mark      `Evaluator.tick`     panes that got rows → windows to be judged
2. due       `closing.closing`    windows whose end has passed on every live partition; `decide.decide` says what to do
3. merge     `Store.profile`      panes → one profile
4. judge     `Judge`              profile against reference → judgements, three-valued
5. commit    `Store.commit_evaluation`   results in one SQL transaction, fenced by the lease
6. publish   `snapshot.publish`   what the last final window of every model says → metrics
"""

from drift.evaluation.closing import Closing, Patience, closing
from drift.evaluation.decide import Decision, decide
from drift.evaluation.evaluator import Evaluator

__all__ = ["Closing", "Decision", "Evaluator", "Patience", "closing", "decide"]
