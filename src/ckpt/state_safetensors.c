/* State files: .safetensors. */
#include <stdlib.h>

#include "ckpt/safetensors.h"
#include "ckpt/stateformat.h"

struct blocks {
    const struct mt_safetensors *file;
    const struct mt_array *array;
};

static mt_status open_safetensors(const char *path, int fd, uint64_t size,
                                  struct mt_state_opening *opening,
                                  void **handle, struct mt_err *err)
{
    struct mt_safetensors *file = NULL;
    mt_status status = mt_safetensors_open(path, fd, size, opening, &file, err);

    *handle = file;
    return status;
}

static void close_safetensors(void *handle)
{
    mt_safetensors_close(handle);
}

static size_t count_safetensors(const void *handle)
{
    return mt_safetensors_count(handle);
}

static const struct mt_array *array_safetensors(const void *handle, size_t i)
{
    return mt_safetensors_array(handle, i);
}

static mt_status begin_safetensors(void *handle, const struct mt_array *array,
                                   void **out, struct mt_err *err)
{
    struct blocks *b = malloc(sizeof *b);

    if (!b)
        return mt_fail_memory(err);
    *b = (struct blocks){ handle, array };
    *out = b;
    return MT_OK;
}

static mt_status block_safetensors(void *blocks, size_t k,
                                   struct mt_block_room *room, void *out,
                                   struct mt_err *err)
{
    const struct blocks *b = blocks;

    (void)room;
    return mt_safetensors_read_part(b->file, b->array, k * MT_BLOCK,
                                    mt_ckpt_chunk_elements(b->array, k), out,
                                    err);
}

static void end_safetensors(void *blocks)
{
    free(blocks);
}

const struct mt_state_format mt_state_safetensors = {
    .name = "safetensors",
    .ending = ".safetensors",
    .is = mt_safetensors_is,
    .open = open_safetensors,
    .close = close_safetensors,
    .count = count_safetensors,
    .array = array_safetensors,
    .begin = begin_safetensors,
    .block = block_safetensors,
    .end = end_safetensors,
    .write = mt_safetensors_write,
};
