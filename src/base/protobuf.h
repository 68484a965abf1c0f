/*
 * Writing Protocol Buffers: fields appended to a string buffer, which is
 * checked for exhausted memory once at the end (strbuf.h). A message within
 * another is written into a buffer of its own and added as bytes.
 *
 *     mt_pb_string(&entry, 1, "mtrain.digest");
 *     mt_pb_string(&entry, 2, digest);
 *     mt_pb_message(&model, 14, &entry);       empties entry
 *
 * The encoding is that of https://protobuf.dev/programming-guides/encoding:
 * a field is its number and wire type as a varint, then the value.
 */
#ifndef MT_BASE_PROTOBUF_H
#define MT_BASE_PROTOBUF_H

#include <stdint.h>

#include "base/strbuf.h"

/* An int32, int64, enum or bool (wire type 0). */
void mt_pb_int(struct mt_strbuf *out, unsigned field, int64_t value);

/* A float (wire type 5). */
void mt_pb_float(struct mt_strbuf *out, unsigned field, float value);

/* Bytes or a string (wire type 2). */
void mt_pb_bytes(struct mt_strbuf *out, unsigned field, const void *bytes,
                 size_t n);
void mt_pb_string(struct mt_strbuf *out, unsigned field, const char *text);

/* Only the head of such a field: n bytes are to follow. */
void mt_pb_begin_bytes(struct mt_strbuf *out, unsigned field, size_t n);

/* A message (wire type 2), which is emptied for the next one. */
void mt_pb_message(struct mt_strbuf *out, unsigned field,
                   struct mt_strbuf *message);

#endif
