/*
 * Command lines: the first byte chooses the command, NUL bytes part its
 * arguments. They are parsed, nothing is run; operands with a '=' are taken
 * for overrides of a spec.
 */
#include "cmd/command.h"
#include "fuzz.h"
#include "train/grammar.h"

enum { MAX_ARGS = 32 };

static void override(const struct mt_call *call)
{
    static const char spec[] =
        "{\"model\":{\"layers\":[{\"type\":\"ReLU\"}]},"
        "\"train\":{\"epochs\":1},\"data\":[[1,2],{\"a\":null}]}";
    struct mt_err err = MT_ERR_INIT;
    struct mt_json *doc = NULL;
    struct mt_strbuf out = MT_STRBUF_INIT;

    if (mt_json_parse("spec", spec, sizeof spec - 1, &doc, &err) != MT_OK)
        abort();
    mt_status status = mt_json_override(doc, mt_spec_exclusive, call->args,
                                        call->n_args, &err);

    fuzz_said(status, &err);
    mt_json_print(mt_json_root(doc), &out);
    mt_strbuf_free(&out);
    mt_json_free(doc);
}

static void use_values(const struct mt_call *call)
{
    const struct mt_option *options = call->command->options;

    for (size_t i = 0; options && options[i].name; i++) {
        const char *const *all = mt_option_all(call, options[i].name);
        size_t size;
        double real;

        for (size_t k = 0; all[k]; k++)
            fuzz_use(all[k], strlen(all[k]));
        if (!mt_option(call, options[i].name))
            continue;
        mt_option_size(call, options[i].name, &size);
        mt_option_real(call, options[i].name, &real);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    size_t commands = 0;
    char *text, *argv[MAX_ARGS + 2];
    int argc = 1;
    struct mt_call call;

    while (mt_commands[commands])
        commands++;
    if (!n)
        return 0;
    text = malloc(n);
    if (!text)
        abort();
    memcpy(text, bytes + 1, n - 1);
    text[n - 1] = '\0';
    argv[0] = (char *)(uintptr_t)mt_commands[*bytes % commands]->name;
    for (char *p = text; p < text + n - 1 && argc <= MAX_ARGS;
         p += strlen(p) + 1)
        argv[argc++] = p;
    argv[argc] = NULL;
    if (mt_call_parse(mt_commands[*bytes % commands], argc, argv, &call) < 0) {
        use_values(&call);
        if (call.n_args)
            override(&call);
    }
    mt_call_free(&call);
    free(text);
    return 0;
}
