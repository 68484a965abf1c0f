#include "ckpt/huffman.h"

#include <stdlib.h>

enum { SYMBOL_BITS = 9 };

/* count << SYMBOL_BITS | symbol: no two are equal, so all sorts agree. */
static int compare_keys(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Lists the symbols that occur, the rarest first; if they are fewer than two,
 * the first that do not occur are added. */
static size_t sort_symbols(const uint32_t *count, size_t n, uint32_t *key)
{
    size_t used = 0;

    for (size_t s = 0; s < n; s++) {
        if (count[s])
            key[used++] = count[s] << SYMBOL_BITS | (uint32_t)s;
    }
    for (size_t s = 0; used < 2; s++) {
        if (!count[s])
            key[used++] = 1u << SYMBOL_BITS | (uint32_t)s;
    }
    qsort(key, used, sizeof *key, compare_keys);
    return used;
}

/*
 * The depths of the leaves in Huffman's tree of `used` leaves, rarest first.
 * Inner nodes are made in order of their weight, so two queues are enough:
 * leaves from 0 to used - 1, inner nodes from there on. The last node is the
 * root.
 */
static void tree_depths(const uint32_t *key, size_t used, uint16_t *depth)
{
    uint32_t weight[2 * MT_HUFFMAN_SYMBOLS];
    uint16_t parent[2 * MT_HUFFMAN_SYMBOLS];
    size_t leaf = 0, inner = used, nodes = used;

    for (size_t i = 0; i < used; i++)
        weight[i] = key[i] >> SYMBOL_BITS;
    while (nodes < 2 * used - 1) {
        weight[nodes] = 0;
        for (int child = 0; child < 2; child++) {
            size_t least =
                leaf < used && (inner == nodes || weight[leaf] <= weight[inner])
                    ? leaf++
                    : inner++;

            weight[nodes] += weight[least];
            parent[least] = (uint16_t)nodes;
        }
        nodes++;
    }
    depth[nodes - 1] = 0;
    for (size_t i = nodes - 1; i-- > 0;)
        depth[i] = (uint16_t)(depth[parent[i]] + 1);
}

/*
 * How many codes have each length. Leaves deeper than the limit are raised to
 * it, which overfills the code. Each step then moves a leaf down by one and
 * makes a leaf from the limit its sibling, which frees one place of 2^limit.
 */
static void limit_depths(const uint16_t *depth, size_t used, unsigned limit,
                         uint32_t *codes)
{
    uint32_t places = 0;

    for (size_t i = 0; i < used; i++) {
        unsigned length = depth[i] < limit ? depth[i] : limit;

        codes[length]++;
        places += 1u << (limit - length);
    }
    for (; places > 1u << limit; places--) {
        unsigned length = limit - 1;

        while (!codes[length])
            length--;
        codes[length]--;
        codes[length + 1] += 2;
        codes[limit]--;
    }
}

void mt_huffman_lengths(const uint32_t *count, size_t n, unsigned limit,
                        uint8_t *length)
{
    uint32_t key[MT_HUFFMAN_SYMBOLS], codes[MT_HUFFMAN_BITS + 1] = { 0 };
    uint16_t depth[2 * MT_HUFFMAN_SYMBOLS];
    size_t used = sort_symbols(count, n, key);
    unsigned bits = limit;

    tree_depths(key, used, depth);
    limit_depths(depth, used, limit, codes);
    for (size_t s = 0; s < n; s++)
        length[s] = 0;
    for (size_t i = 0; i < used; i++) {
        while (!codes[bits])
            bits--;
        codes[bits]--;
        length[key[i] & ((1u << SYMBOL_BITS) - 1)] = (uint8_t)bits;
    }
}

/* The bits of a code, last one first: those of a word are swapped in pairs,
 * then in twos, fours and eights, and the code's are on top. */
static uint16_t reverse(unsigned code, unsigned length)
{
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
    code = (code & 0x00ff) << 8 | (code >> 8 & 0x00ff);
    return (uint16_t)(code >> (16 - length));
}

void mt_huffman_codes(const uint8_t *length, size_t n, uint16_t *code)
{
    unsigned codes[MT_HUFFMAN_BITS + 1] = { 0 }, next[MT_HUFFMAN_BITS + 1];

    for (size_t s = 0; s < n; s++)
        codes[length[s]]++;
    codes[0] = 0;
    next[0] = 0;
    for (unsigned bits = 1; bits <= MT_HUFFMAN_BITS; bits++)
        next[bits] = (next[bits - 1] + codes[bits - 1]) << 1;
    for (size_t s = 0; s < n; s++)
        code[s] = length[s] ? reverse(next[length[s]]++, length[s]) : 0;
}
