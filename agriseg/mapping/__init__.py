"""What a recorded run did to the ground: areas, litres, weeds, plants, missed strips."""
