"""Charts of a dashboard by e-mail, on a schedule, read with the recipient's own rights."""
