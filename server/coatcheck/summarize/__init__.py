"""Let a model say what matters in a result; what is shown is checked against the source."""
