#include "train/pieces.h"

#include "base/size.h"
#include "graph/spans.h"

enum { ENOUGH = 8 }; /* stripes, if they have a span for each process */

size_t mt_stripes(const struct mt_store *store, size_t ranks)
{
    size_t spans = mt_size_ceil_div(store->flat, MT_SPAN);
    size_t least = mt_size_ceil_div(spans, MT_PIECE_SPANS * ranks);
    size_t wanted = mt_size_min(ENOUGH, spans / ranks);

    if (ranks == 1)
        return 1;
    return mt_size_max(1, mt_size_max(least, wanted));
}

struct mt_range mt_stripe(const struct mt_store *store, size_t ranks, size_t k)
{
    return mt_cut_units(store->flat, MT_SPAN, mt_stripes(store, ranks), k);
}

struct mt_range mt_piece(const struct mt_store *store, size_t ranks,
                         size_t rank, size_t k)
{
    struct mt_range all = mt_stripe(store, ranks, k);
    struct mt_range own =
        mt_cut_units(all.end - all.first, MT_SPAN, ranks, rank);

    return (struct mt_range){ all.first + own.first, all.first + own.end };
}

size_t mt_pieces_floats(const struct mt_store *store, size_t ranks, size_t rank)
{
    size_t floats = 0;

    for (size_t k = 0; k < mt_stripes(store, ranks); k++) {
        struct mt_range piece = mt_piece(store, ranks, rank, k);

        floats += piece.end - piece.first;
    }
    return floats;
}

struct mt_range *mt_pieces(const struct mt_store *store, size_t ranks,
                           size_t rank, struct mt_arena *arena)
{
    size_t stripes = mt_stripes(store, ranks);
    struct mt_range *pieces = mt_arena_calloc(arena, stripes, sizeof *pieces);

    for (size_t k = 0; pieces && k < stripes; k++)
        pieces[k] = mt_piece(store, ranks, rank, k);
    return pieces;
}

size_t *mt_pieces_at(const struct mt_store *store, size_t ranks, size_t unit,
                     size_t each, struct mt_arena *arena)
{
    size_t blocks = mt_stripes(store, ranks) * ranks;
    size_t *at = mt_arena_calloc(arena, blocks + 1, sizeof *at);

    for (size_t b = 0; at && b < blocks; b++) {
        struct mt_range piece = mt_piece(store, ranks, b % ranks, b / ranks);

        at[b + 1] = mt_size_ceil_div(piece.end, unit) * each;
    }
    return at;
}
