"""What several server processes share through Redis; imported only where ``RALLYPOINT_REDIS_URL`` is set.

Redis carries and counts, it keeps nothing that is not elsewhere too: a Redis that is emptied or away costs no data.
"""
