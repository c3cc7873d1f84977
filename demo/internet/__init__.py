"""The internet in a box: Google, Instagram, X and picture hosts on loopback, behind a proxy that forwards nothing.

The clients (Chromium, Instaloader, Tweepy, requests) run unmodified; only the proxy and the certificate are set.
"""

from demo.internet.errors import InternetError, TrustNotInstalled, UnknownFault
from demo.internet.faults import Fault
from demo.internet.internet import Internet
from demo.internet.world import World, write_folder

__all__ = ["Fault", "Internet", "InternetError", "TrustNotInstalled", "UnknownFault", "World", "write_folder"]
