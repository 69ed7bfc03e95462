"""Drawn garments: pictures with every kind of label, exact because the labels drew them."""
