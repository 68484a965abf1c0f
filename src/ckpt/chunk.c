#include "ckpt/chunk.h"

#include <string.h>
#include <zlib.h>

struct mt_chunk mt_chunk_of(const struct mt_array *array, size_t i, size_t k)
{
    return (struct mt_chunk){
        .array = i,
        .number = k,
        .elements = mt_ckpt_chunk_elements(array, k),
        .dtype = array->dtype,
    };
}

size_t mt_chunk_room(size_t raw)
{
    return CKPT_CHUNK_HEADER + (size_t)mt_ckpt_align(raw);
}

static size_t raw_bytes(const struct mt_chunk *chunk)
{
    return chunk->elements * mt_dtype_size(chunk->dtype);
}

static void put_header(const struct mt_chunk *chunk,
                       const struct mt_byte_planes *planes, unsigned char *p)
{
    memset(p, 0, CKPT_CHUNK_HEADER);
    memcpy(p, mt_ckpt_chunk_magic, CKPT_CHUNK_MAGIC);
    put_u32(p + CHUNK_ARRAY, (uint32_t)chunk->array);
    put_u32(p + CHUNK_NUMBER, (uint32_t)chunk->number);
    put_u32(p + CHUNK_RAW, (uint32_t)raw_bytes(chunk));
    p[CHUNK_PLANES] = (unsigned char)planes->n;
    p[CHUNK_ROTATE] = planes->rotate;
    memcpy(p + CHUNK_METHOD, planes->method, sizeof planes->method);
    for (size_t i = 0; i < MT_PLANES_MAX; i++)
        put_u32(p + CHUNK_STORED + 4 * i, planes->stored[i]);
}

static struct mt_byte_planes get_planes(const unsigned char *p)
{
    struct mt_byte_planes planes = { .n = p[CHUNK_PLANES],
                                .rotate = p[CHUNK_ROTATE] == 1 };

    memcpy(planes.method, p + CHUNK_METHOD, sizeof planes.method);
    for (size_t i = 0; i < MT_PLANES_MAX; i++)
        planes.stored[i] = get_u32(p + CHUNK_STORED + 4 * i);
    return planes;
}

void mt_chunk_encode(const struct mt_chunk *chunk, const void *elements,
                     struct mt_packed_planes *packed, struct mt_packer *packer,
                     unsigned char *out, size_t *size)
{
    struct mt_byte_planes planes;

    mt_pack(packer, chunk->dtype, elements, chunk->elements, packed, &planes,
            out + CKPT_CHUNK_HEADER);
    size_t end = CKPT_CHUNK_HEADER + mt_planes_stored(&planes);

    put_header(chunk, &planes, out);
    *size = (size_t)mt_ckpt_align(end);
    memset(out + end, 0, *size - end);
}

uint32_t mt_chunk_payload_crc(const unsigned char *bytes)
{
    struct mt_byte_planes planes = get_planes(bytes);

    return (uint32_t)crc32(0, bytes + CKPT_CHUNK_HEADER,
                           (uInt)mt_planes_stored(&planes));
}

/* The payload comes first, so that its CRC can be computed before the place is
 * known; the place is included, so that a misplaced chunk is found. */
static uint32_t whole_crc(const unsigned char *bytes, uint32_t payload_crc,
                          uint64_t offset)
{
    unsigned char at[8];
    uLong crc = crc32(payload_crc, bytes, CHUNK_CRC);

    put_u64(at, offset);
    return (uint32_t)crc32(crc, at, sizeof at);
}

void mt_chunk_place(unsigned char *bytes, uint32_t payload_crc, uint64_t offset)
{
    put_u32(bytes + CHUNK_CRC, whole_crc(bytes, payload_crc, offset));
}

const char *mt_chunk_header_fault(const struct mt_chunk *chunk,
                                  const unsigned char *header, size_t *size)
{
    struct mt_byte_planes planes = get_planes(header);

    if (memcmp(header, mt_ckpt_chunk_magic, CKPT_CHUNK_MAGIC) != 0)
        return "there is no chunk";
    if (get_u32(header + CHUNK_ARRAY) != chunk->array)
        return "the chunk says that it is another array's";
    if (get_u32(header + CHUNK_NUMBER) != chunk->number)
        return "the chunk says that it is another one of this array";
    if (get_u32(header + CHUNK_RAW) != raw_bytes(chunk))
        return "the chunk's size is not what the array's shape needs";
    if (header[CHUNK_ROTATE] > 1)
        return "the transform is unknown";
    if (header[CHUNK_ROTATE + 1] || header[CHUNK_ROTATE + 2])
        return "reserved bytes are not zero";
    const char *fault = mt_planes_fault(&planes, chunk->dtype, chunk->elements);

    if (!fault)
        *size = (size_t)mt_ckpt_align(CKPT_CHUNK_HEADER +
                                      mt_planes_stored(&planes));
    return fault;
}

/* Checks header and size, then the CRC; payload_crc NULL: to be computed. */
static mt_status check(const struct mt_chunk *chunk, const unsigned char *bytes,
                       size_t size, uint64_t offset,
                       const uint32_t *payload_crc, struct mt_err *err)
{
    size_t expect = 0;
    const char *fault = mt_chunk_header_fault(chunk, bytes, &expect);

    if (fault)
        return mt_fail(err, MT_DAMAGED, "%s", fault);
    if (expect != size)
        return mt_fail(err, MT_DAMAGED,
                       "the chunk takes %zu bytes, there is room for %zu",
                       expect, size);

    struct mt_byte_planes planes = get_planes(bytes);
    size_t end = CKPT_CHUNK_HEADER + mt_planes_stored(&planes);
    uint32_t payload = payload_crc ? *payload_crc : mt_chunk_payload_crc(bytes);
    uint32_t crc = whole_crc(bytes, payload, offset);
    uint32_t should = get_u32(bytes + CHUNK_CRC);

    if (crc != should)
        return mt_fail(err, MT_DAMAGED, "CRC-32 is %08x, should be %08x", crc,
                       should);
    if (!mt_ckpt_all_zero(bytes + end, size - end))
        return mt_fail(err, MT_DAMAGED, "the padding is not zero");
    return MT_OK;
}

mt_status mt_chunk_check(const struct mt_chunk *chunk,
                         const unsigned char *bytes, size_t size,
                         uint64_t offset, uint32_t payload_crc,
                         struct mt_err *err)
{
    return check(chunk, bytes, size, offset, &payload_crc, err);
}

bool mt_chunk_same(const unsigned char *a, const unsigned char *b)
{
    struct mt_byte_planes planes = get_planes(a);

    return memcmp(a + CHUNK_RAW, b + CHUNK_RAW, CHUNK_CRC - CHUNK_RAW) == 0 &&
           memcmp(a + CKPT_CHUNK_HEADER, b + CKPT_CHUNK_HEADER,
                  mt_planes_stored(&planes)) == 0;
}

mt_status mt_chunk_decode(const struct mt_chunk *chunk,
                          const unsigned char *bytes, size_t size,
                          uint64_t offset, struct mt_unpacker *unpacker,
                          void *elements, struct mt_err *err)
{
    struct mt_byte_planes planes = get_planes(bytes);
    mt_status status = check(chunk, bytes, size, offset, NULL, err);

    if (status != MT_OK)
        return status;
    return mt_unpack(unpacker, &planes, bytes + CKPT_CHUNK_HEADER,
                     chunk->elements, elements, err);
}
