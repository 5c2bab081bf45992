"""One person's health summary: what a reader may see of the marts, set as a PDF."""
