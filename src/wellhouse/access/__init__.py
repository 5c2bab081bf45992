"""Who may read which site's rows until when, and what the audit trail knows about it."""
