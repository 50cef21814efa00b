"""Clients that send orders, judge the answers and write down what they saw."""
