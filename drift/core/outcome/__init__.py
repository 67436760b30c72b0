"""How good a model is, as sums: what it predicted, what turned out to be true, and how the two go together.

    grid        what is kept of a prediction, fixed with the reference
    layout      where each sum stands
    fixed       real numbers as pairs of integers, so that their sums are exact in any order
    pairs       cells of two columns at once
    seen        one prediction as a fixed-size record: what waits for its label
    counting    predictions, and predictions with their labels, to sums
    sums        reading them

Import from the modules: `drift.core.grid` needs the first of them before it is there itself.
"""
