#include "ckpt/foreign.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct magic {
    const char *bytes;
    size_t n, at;
    const char *what;
};

static const struct magic magics[] = {
    { "version https://git-lfs", 23, 0,
      "a Git LFS pointer, which only names the file that is meant: fetch it "
      "with 'git lfs pull'" },
    { "\x89HDF\r\n\x1a\n", 8, 0,
      "an HDF5 file, as Keras writes: save its arrays with numpy.savez() in "
      "Python" },
    { "GGUF", 4, 0,
      "a GGUF file, as llama.cpp reads: use the model that it was made of" },
    { "\x1f\x8b", 2, 0, "a gzip file: unpack it first" },
    { "\x28\xb5\x2f\xfd", 4, 0, "a zstd file: unpack it first" },
    { "ustar", 5, 257, "a tar file: unpack it first" },
    { "PAR1", 4, 0, "a Parquet file" },
    { "%PDF-", 5, 0, "a PDF file" },
    { "\x7f"
      "ELF",
      4, 0, "a program (ELF)" },
};

/* A ModelProto begins with its ir_version (field 1, a small number), followed
 * by the producer's name, the graph or the opset. */
static bool is_onnx(const unsigned char *p, size_t n)
{
    return n > 3 && p[0] == 0x08 && p[1] >= 1 && p[1] < 32 &&
           (p[2] == 0x12 || p[2] == 0x1a || p[2] == 0x3a || p[2] == 0x42);
}

static bool is_html(const unsigned char *p, size_t n)
{
    static const char *const starts[] = { "<!doctype html", "<html", "<head" };

    while (n && strchr(" \t\r\n", *p) && *p) {
        p++;
        n--;
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t length = strlen(starts[i]);

        if (n >= length && strncasecmp((const char *)p, starts[i], length) == 0)
            return true;
    }
    return false;
}

const char *mt_foreign_file(const unsigned char *head, size_t n)
{
    if (!n)
        return "is empty";
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];

        if (n >= m->at + m->n && memcmp(head + m->at, m->bytes, m->n) == 0)
            return m->what;
    }
    if (is_html(head, n))
        return "an HTML page, such as a server sends in place of a file that "
               "it does not give: download the file again";
    if (is_onnx(head, n))
        return "an ONNX file, which is written here, but not read";
    return NULL;
}
