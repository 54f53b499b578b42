"""Parts that only screens need: what a job's card of reasons, its steps, its bags and its questions look like."""
