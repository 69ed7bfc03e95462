"""Fashionpedia's file and the words of its ontology."""
