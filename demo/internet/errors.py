"""What can go wrong with the stand-in internet itself.

InternetError
├── UnknownFault       a fault was asked for by a name that does not exist
└── TrustNotInstalled  certutil is missing or refused, so Chromium cannot be made to trust us by NSS
"""


class InternetError(Exception):
    """Base of this package's errors."""


class UnknownFault(InternetError):
    """No fault has this name."""


class TrustNotInstalled(InternetError):
    """The certificate could not be put into an NSS database."""
