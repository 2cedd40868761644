"""The rules of double-entry bookkeeping as Partita keeps them: pure Python, no input, no output, no clock."""
