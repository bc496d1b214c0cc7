"""What a run did, as one page that needs no network: read from the journal, drawn by the page's own script."""
