"""What a run shows, in sentences. Each is made of verdicts; a point estimate alone is no finding."""
