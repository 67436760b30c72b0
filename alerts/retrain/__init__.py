"""What starts and follows a retraining pipeline."""
