"""From a query to photos: plan what to look for, search the sources, fetch what they found."""
