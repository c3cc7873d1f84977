"""One file per source; its name is the source's name. Files here only read: they never write, fetch or sleep."""
