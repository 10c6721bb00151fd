"""What an engineer draws: waveguides, couplers, rings, buses of rings and the transmitters built of them."""
