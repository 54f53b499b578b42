"""The parts screens are built from: one per file. Functions that return a control; those with state are components."""
