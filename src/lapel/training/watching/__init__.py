"""What is looked at while a network learns: rules that speak up, and where the time goes."""
