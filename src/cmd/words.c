#include "cmd/words.h"

#include <string.h>

#define STATES "mtc safetensors npz"

/* The first row that matches counts; command NULL: any. */
static const struct row {
    const char *command, *word;
    struct mt_offer offer;
} rows[] = {
    { NULL, "SPEC", { MT_OFFER_FILES, "json" } },
    { NULL, "CKPT", { MT_OFFER_FILES, "mtc" } },
    { NULL, "MODEL", { MT_OFFER_FILES, "json mtc" } },
    { "average", "STATE", { MT_OFFER_FILES, "json " STATES } },
    { "average", "OUT", { MT_OFFER_FILES, STATES } },
    { NULL, "STATE", { MT_OFFER_FILES, STATES } },
    { NULL, "A", { MT_OFFER_FILES, "json " STATES } },
    { NULL, "B", { MT_OFFER_FILES, "json " STATES } },
    { "save", "SRC", { MT_OFFER_FILES, "json " STATES } },
    { "save", "FILE", { MT_OFFER_FILES, STATES " onnx" } },
    { "show", "FILE", { MT_OFFER_FILES, "json " STATES } },
    { "verify", "FILE", { MT_OFFER_FILES, "mtc" } },
    { NULL, "SRC", { MT_OFFER_FILES, "mtc" } },
    { NULL, "DST", { MT_OFFER_FILES, "mtc" } },
    { NULL, "INPUT", { MT_OFFER_FILES, "" } },
    { NULL, "FILE", { MT_OFFER_FILES, "" } },
    { NULL, "DIR", { MT_OFFER_FOLDERS, "" } },
    { "plot", "LIST", { MT_OFFER_METRICS, "" } },
    { NULL, "SHELL", { MT_OFFER_CHOICES, .choices = mt_shells } },
    { NULL, "KEY=VALUE", { MT_OFFER_OVERRIDES, "" } },
    { NULL, "TENSOR", { MT_OFFER_TENSORS, "" } },
    { NULL, "GLOB", { MT_OFFER_TENSORS, "" } },
    { NULL, "TEMPLATE", { MT_OFFER_TEMPLATES, "" } },
    { NULL, "COMMAND", { MT_OFFER_COMMANDS, "" } },
};

struct mt_offer mt_offer_of(const struct mt_command *command, const char *word)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].word, word) == 0 &&
            (!rows[i].command || strcmp(rows[i].command, command->name) == 0))
            return rows[i].offer;
    }
    return (struct mt_offer){ MT_OFFER_NOTHING, "" };
}

struct mt_offer mt_offer_of_option(const struct mt_command *command,
                                   const struct mt_option *option)
{
    if (option->choices)
        return (struct mt_offer){ MT_OFFER_CHOICES,
                                  .choices = option->choices };
    return mt_offer_of(command, option->arg);
}

/* "[KEY=VALUE]..." is KEY=VALUE, and repeats; so is "[INPUT|-]" INPUT. */
static void read_word(const char *text, size_t n, struct mt_operand *out)
{
    size_t skip = *text == '[';
    size_t length = strcspn(text + skip, "]|. ");

    if (length > n - skip)
        length = n - skip;
    if (length >= sizeof out->word)
        length = sizeof out->word - 1;
    memcpy(out->word, text + skip, length);
    out->word[length] = '\0';
    out->repeats = n > 3 && strncmp(text + n - 3, "...", 3) == 0;
}

bool mt_operand_at(const struct mt_command *command, size_t i,
                   struct mt_operand *out)
{
    const char *text = command->operands;

    for (size_t k = 0; *text && *text != '-'; k++) {
        size_t n = strcspn(text, " ");

        read_word(text, n, out);
        if (k == i || out->repeats)
            return true;
        text += n + strspn(text + n, " ");
    }
    return false;
}
