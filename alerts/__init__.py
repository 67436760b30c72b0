"""From a breach to the people on call and to retraining: rules, states, incidents, what is told, and its delivery."""
