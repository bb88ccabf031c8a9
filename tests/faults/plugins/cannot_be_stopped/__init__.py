"""Swallows the deadline too, so that only ending the process helps"""

import time

while True:
    try:
        time.sleep(1)
    except BaseException:
        continue
