"""A series and a model of it: price, volume (with gaps) and kind by row."""
import math

def rows():
    for i in range(60):
        gap = i % 7 == 3
        yield (1e6 + 50 * math.sin(i / 5) + (i * 37 % 11) / 4,
               '' if gap else str(i * 53 % 17), ['lo', 'mid', 'hi'][i * 29 % 3])

def write(name, order, n):
    with open(name, 'w') as file:
        print(','.join(order), file=file)
        for price, volume, kind in list(rows())[:n]:
            cells = {'price': f'{price:.6f}', 'volume': volume, 'kind': kind,
                     'note': 'x'}
            print(','.join(cells[name] for name in order), file=file)

write('series.csv', ['price', 'volume', 'kind'], 60)
write('other.csv', ['note', 'kind', 'volume', 'price'], 60)
write('short.csv', ['price', 'volume', 'kind'], 5)
