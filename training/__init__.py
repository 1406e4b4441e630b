"""How the weights of the cell score are made; the only place that needs torch."""
