"""Extensions at work: told of events, and given jobs to do."""
