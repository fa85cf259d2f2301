"""Past one machine: runs that are made in shards, by other processes and elsewhere, and put together again."""
