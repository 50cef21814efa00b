"""What an order is and how it may change: pure rules, standard library only."""
