"""Reports to attach to a ticket: one file that needs nothing else, as HTML or Markdown."""
