"""What a reader must know of results besides their numbers: failures, warnings, the verdict on a run."""
