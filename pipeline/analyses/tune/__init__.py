"""The search for the compiler flags with the highest score."""
