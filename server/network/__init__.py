"""The network: nodes that hold stock or fulfil, their hours and capacity, and the channels that sell from them."""
