"""The whole platform on one machine, offline: the world it looks at is drawn and stands on loopback."""
