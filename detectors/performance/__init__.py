"""How good a model is, from sums of outcomes: realised as labels come, estimated before that, and why.

    options      what a model's settings say about its performance
    realized     metrics of predictions with labels, by task: `binary`, `multiclass`, `regression`
    implied      labels that are implied by their absence
    calibration  what a score is worth, as the reference has it
    cbpe, dle    metrics without labels
    concept      whether scores still mean what they meant
    causes       which columns change the loss
    fairness, slices, summary    for whom, and in words

Everything is pure: sums in, `drift.core.performance` out.
"""
