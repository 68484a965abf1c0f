/*
 * For tests only: pickles as torch.save writes them, opcode by opcode.
 *
 *     struct pk p = { 0 };
 *     pk_put(&p, "}(");
 *     pk_text(&p, "w");
 *     pk_tensor(&p, &(struct pk_tensor){ "0", "Float", 6, 0, 1, { 6 },
 *                                        { 1 } });
 *     pk_put(&p, "u.");
 */
#ifndef MT_CKPT_TORCH_TESTING_H
#define MT_CKPT_TORCH_TESTING_H

#include "archive/zip_testing.h"
#include "ckpt/statefile.h"

struct pk {
    unsigned char bytes[8192];
    size_t n;
};

struct pk_tensor {
    const char *key, *type; /* of the storage: "0", "Float" */
    int64_t elements;       /* of the storage */
    int64_t offset;
    int rank;
    int64_t size[4], stride[4];
};

static inline void pk_add(struct pk *p, const void *bytes, size_t n)
{
    ck_assert_uint_le(n, sizeof p->bytes - p->n);
    memcpy(p->bytes + p->n, bytes, n);
    p->n += n;
}

static inline void pk_put(struct pk *p, const char *opcodes)
{
    pk_add(p, opcodes, strlen(opcodes));
}

static inline void pk_text(struct pk *p, const char *text)
{
    unsigned char head[5] = { 'X' };

    put_u32(head + 1, (uint32_t)strlen(text));
    pk_add(p, head, sizeof head);
    pk_put(p, text);
}

static inline void pk_int(struct pk *p, int64_t v)
{
    unsigned char head[10] = { 0x8a, 8 };

    put_u64(head + 2, (uint64_t)v);
    pk_add(p, head, sizeof head);
}

static inline void pk_ints(struct pk *p, int n, const int64_t *v)
{
    pk_put(p, "(");
    for (int i = 0; i < n; i++)
        pk_int(p, v[i]);
    pk_put(p, "t");
}

static inline void pk_tensor(struct pk *p, const struct pk_tensor *t)
{
    char class[64];

    snprintf(class, sizeof class, "ctorch\n%sStorage\n", t->type);
    pk_put(p, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pk_text(p, "storage");
    pk_put(p, class);
    pk_text(p, t->key);
    pk_text(p, "cpu");
    pk_int(p, t->elements);
    pk_put(p, "tQ");
    pk_int(p, t->offset);
    pk_ints(p, t->rank, t->size);
    pk_ints(p, t->rank, t->stride);
    pk_put(p, "\x89"
              "ccollections\nOrderedDict\n)RtR");
}

/* A name and its tensor. */
static inline void pk_item(struct pk *p, const char *name,
                           const struct pk_tensor *t)
{
    pk_text(p, name);
    pk_tensor(p, t);
}

/* Writes a zip file of the pickle, to which it adds STOP, and storage 0. */
static inline void pk_write(struct pk *p, const void *storage, size_t n,
                            bool deflate, const char *path)
{
    static struct zip z;

    pk_put(p, ".");
    z = (struct zip){ .end = ZIP64_NEEDLESS };
    zip_add(&z, (struct zip_part){
                    .name = "a/data.pkl", .bytes = p->bytes, .n = p->n });
    zip_add(&z, (struct zip_part){ .name = "a/data/0",
                                   .bytes = storage,
                                   .n = n,
                                   .deflate = deflate });
    zip_write(&z, path);
}

/* Writes the form of versions before 1.6. */
static inline void pk_write_old(struct pk *p, const void *storage,
                                int64_t elements, size_t size, const char *path)
{
    static const char head[] =
        "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
        "\x80\2M\xe9\3.\x80\2}.";
    static unsigned char file[1 << 17];
    size_t n = sizeof head - 1;
    struct pk keys = { .n = 0 };

    pk_put(p, ".");
    pk_put(&keys, "]");
    pk_text(&keys, "0");
    pk_put(&keys, "a.");
    memcpy(file, head, n);
    memcpy(file + n, p->bytes, p->n);
    memcpy(file + n + p->n, keys.bytes, keys.n);
    n += p->n + keys.n;
    put_u64(file + n, (uint64_t)elements);
    memcpy(file + n + 8, storage, (size_t)elements * size);
    testing_put(path, file, n + 8 + (size_t)elements * size);
}

#endif
