#include "train/layouts.h"

#include <ctype.h>
#include <string.h>

#include "base/strbuf.h"

/* Runs of parts between dots. A longer run comes before those that it
 * contains. */
static const struct {
    const char *from, *to;
} parts[] = {
    /* PyTorch's own attention */
    { "in_proj_weight", "in_proj.weight" },
    { "in_proj_bias", "in_proj.bias" },
    /* GPT-2 */
    { "attn.c_attn", "self_attn.in_proj" },
    { "attn.c_proj", "self_attn.out_proj" },
    { "mlp.c_fc", "linear1" },
    { "mlp.c_proj", "linear2" },
    { "ln_1", "norm1" },
    { "ln_2", "norm2" },
    /* BERT */
    { "attention.output.dense", "self_attn.out_proj" },
    { "attention.output.LayerNorm", "norm1" },
    { "intermediate.dense", "linear1" },
    { "output.dense", "linear2" },
    { "output.LayerNorm", "norm2" },
    /* vision transformers */
    { "attn.qkv", "self_attn.in_proj" },
    { "attn.proj", "self_attn.out_proj" },
    { "mlp.fc1", "linear1" },
    { "mlp.fc2", "linear2" },
};

/* The last part: Keras, JAX, TensorFlow. */
static const struct {
    const char *from, *to;
} leaves[] = {
    { "kernel", "weight" },
    { "gamma", "weight" },
    { "scale", "weight" },
    { "embeddings", "weight" },
    { "embedding", "weight" },
    { "weights", "weight" },
    { "beta", "bias" },
    { "biases", "bias" },
    { "moving_mean", "running_mean" },
    { "mean", "running_mean" },
    { "moving_variance", "running_var" },
    { "var", "running_var" },
};

/* "dense/kernel:0" as "dense.kernel"; "h.0.ln" as "h0.ln" */
static void normalize(const char *name, struct mt_strbuf *out)
{
    size_t n = strcspn(name, ":");

    if (name[n] && name[n + 1 + strspn(name + n + 1, "0123456789")])
        n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        bool dot = name[i] == '.' || name[i] == '/';
        size_t digits = strspn(name + i + 1, "0123456789");
        char end = name[i + 1 + digits];

        if (dot && i && digits && (!end || end == '.' || end == '/'))
            continue; /* an index */
        mt_strbuf_putc(out, dot ? '.' : name[i]);
    }
}

/* Is there a run of whole parts at p? */
static bool is_run(const char *text, const char *p, const char *run)
{
    size_t n = strlen(run);

    return (p == text || p[-1] == '.') && strncmp(p, run, n) == 0 &&
           (!p[n] || p[n] == '.');
}

static void replace(struct mt_strbuf *text, const char *p, const char *from,
                    const char *to)
{
    struct mt_strbuf out = MT_STRBUF_INIT;

    mt_strbuf_add(&out, text->text, (size_t)(p - text->text));
    mt_strbuf_puts(&out, to);
    mt_strbuf_puts(&out, p + strlen(from));
    mt_strbuf_free(text);
    *text = out;
}

static void replace_part(struct mt_strbuf *text)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        for (const char *p = text->text; p; p = strchr(p + 1, '.')) {
            const char *start = *p == '.' ? p + 1 : p;

            if (!is_run(text->text, start, parts[i].from))
                continue;
            replace(text, start, parts[i].from, parts[i].to);
            return;
        }
    }
}

static void replace_leaf(struct mt_strbuf *text)
{
    const char *dot = strrchr(text->text, '.');

    for (size_t i = 0; dot && i < sizeof leaves / sizeof *leaves; i++) {
        if (strcmp(dot + 1, leaves[i].from) != 0)
            continue;
        replace(text, dot + 1, leaves[i].from, leaves[i].to);
        return;
    }
}

const char *mt_layout_name(const char *name, struct mt_arena *arena)
{
    struct mt_strbuf text = MT_STRBUF_INIT;
    const char *out = NULL;

    normalize(name, &text);
    if (text.text && !text.failed)
        replace_part(&text);
    if (text.text && !text.failed)
        replace_leaf(&text);
    if (!text.failed)
        out = mt_arena_strdup(arena, text.text ? text.text : "");
    mt_strbuf_free(&text);
    return out;
}

bool mt_layout_is_kernel(const char *name)
{
    static const char kernel[] = "kernel";
    size_t end = strcspn(name, ":"), n = sizeof kernel - 1;

    return end >= n && strncmp(name + end - n, kernel, n) == 0;
}
