"""Never ends when it is imported, and swallows every Exception"""

while True:
    try:
        sum(range(1000))
    except Exception:
        continue
