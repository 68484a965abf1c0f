#include "ckpt/torchvalue.h"

#include <string.h>

#include "base/size.h"

/* --- what may be named --------------------------------------------------- */

static const struct mt_torch_type types[] = {
    { "Float", "float32", MT_F32, 4 },
    { "Double", "float64", MT_F64, 8 },
    { "Half", "float16", MT_F16, 2 },
    { "BFloat16", "bfloat16", MT_BF16, 2 },
    { "Long", "int64", MT_I64, 8 },
    { "Int", "int32", MT_I32, 4 },
    { "Short", "int16", MT_I16, 2 },
    { "Char", "int8", MT_I8, 1 },
    { "Byte", "uint8", MT_U8, 1 },
    { "Bool", "bool", MT_BOOL, 1 },
    { NULL, "uint16", MT_U16, 2 },
    { NULL, "uint32", MT_U32, 4 },
    { NULL, "uint64", MT_U64, 8 },
    { NULL, "complex32", MT_OTHER, 4 },
    { "ComplexFloat", "complex64", MT_OTHER, 8 },
    { "ComplexDouble", "complex128", MT_OTHER, 16 },
    { "QInt8", "qint8", MT_OTHER, 1 },
    { "QUInt8", "quint8", MT_OTHER, 1 },
    { "QInt32", "qint32", MT_OTHER, 4 },
    { "QUInt4x2", "quint4x2", MT_OTHER, 1 },
    { NULL, "float8_e4m3fn", MT_OTHER, 1 },
    { NULL, "float8_e5m2", MT_OTHER, 1 },
    { NULL, "float8_e4m3fnuz", MT_OTHER, 1 },
    { NULL, "float8_e5m2fnuz", MT_OTHER, 1 },
};

enum { N_TYPES = sizeof types / sizeof *types };

/* A storage of bytes, whose tensors have the type. */
static const struct mt_torch_type untyped = { NULL, "bytes", MT_OTHER, 1 };

static const char *after(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* "torch.FloatStorage", "torch.cuda.HalfTensor": the type, or NULL. */
static const struct mt_torch_type *class_type(const char *global,
                                              const char *ending)
{
    const char *rest = after(global, "torch.cuda.");

    rest = rest ? rest : after(global, "torch.");
    for (size_t i = 0; rest && i < N_TYPES; i++) {
        const char *tail =
            types[i].storage ? after(rest, types[i].storage) : NULL;

        if (tail && strcmp(tail, ending) == 0)
            return &types[i];
    }
    return NULL;
}

static const struct mt_torch_type *storage_type(const char *global)
{
    static const char *const bytes[] = { "torch.storage.UntypedStorage",
                                         "torch.storage._UntypedStorage",
                                         "torch.UntypedStorage",
                                         "torch._UntypedStorage" };

    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        if (strcmp(global, bytes[i]) == 0)
            return &untyped;
    }
    return class_type(global, "Storage");
}

/* "torch.float32" */
static const struct mt_torch_type *dtype_type(const char *global)
{
    const char *rest = after(global, "torch.");

    for (size_t i = 0; rest && i < N_TYPES; i++) {
        if (strcmp(rest, types[i].name) == 0)
            return &types[i];
    }
    return NULL;
}

/* The result of calling it. */
enum call {
    PLAIN,
    ORDERED, /* OrderedDict(), or of a list of pairs */
    COUNTER, /* Counter({...}) */
    MAPPING, /* what is set on it afterwards */
    SIZE,    /* torch.Size((2, 3)) */
    PARAMETER,
    TENSOR,
    SPARSE,
    META,
    QUANTIZED,
    SUBCLASS, /* _rebuild_from_type_v2(function, class, arguments, state) */
};

static const struct {
    const char *name;
    enum call call;
} known[] = {
    { "collections.OrderedDict", ORDERED },
    { "collections.Counter", COUNTER },
    { "collections.defaultdict", MAPPING },
    { "torch.Size", SIZE },
    { "torch.device", PLAIN },
    { "torch.Tensor", PLAIN },
    { "torch.nn.parameter.Parameter", PARAMETER },
    { "torch.nn.Parameter", PARAMETER },
    { "torch._utils._rebuild_parameter", PARAMETER },
    { "torch._utils._rebuild_parameter_with_state", PARAMETER },
    { "torch._utils._rebuild_tensor", TENSOR },
    { "torch._utils._rebuild_tensor_v2", TENSOR },
    { "torch._utils._rebuild_tensor_v3", TENSOR },
    { "torch._utils._rebuild_sparse_tensor", SPARSE },
    { "torch._utils._rebuild_sparse_csr_tensor", SPARSE },
    { "torch._utils._rebuild_meta_tensor_no_storage", META },
    { "torch._utils._rebuild_qtensor", QUANTIZED },
    { "torch._tensor._rebuild_from_type_v2", SUBCLASS },
    { "torch.serialization._get_layout", PLAIN },
    { "torch.storage.TypedStorage", PLAIN },
    { "torch.storage._TypedStorage", PLAIN },
    { "torch.strided", PLAIN },
    { "torch.sparse_coo", PLAIN },
    { "torch.sparse_csr", PLAIN },
    { "torch.per_tensor_affine", PLAIN },
    { "torch.per_channel_affine", PLAIN },
    { "torch.contiguous_format", PLAIN },
    { "torch.preserve_format", PLAIN },
    { "torch.channels_last", PLAIN },
    { "_codecs.encode", PLAIN },
};

/* Python's built-in types; calling them makes plain values. */
static const char *const builtins[] = {
    "set", "frozenset", "bytearray", "bytes", "list", "dict",    "tuple",
    "int", "float",     "complex",   "str",   "bool", "unicode", "long",
};

static bool is_builtin(const char *global)
{
    const char *rest = after(global, "builtins.");

    rest = rest ? rest : after(global, "__builtin__.");
    for (size_t i = 0; rest && i < sizeof builtins / sizeof *builtins; i++) {
        if (strcmp(rest, builtins[i]) == 0)
            return true;
    }
    return false;
}

static bool find_call(const char *global, enum call *call)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, global) == 0) {
            *call = known[i].call;
            return true;
        }
    }
    *call = PLAIN;
    return is_builtin(global) || storage_type(global) || dtype_type(global) ||
           class_type(global, "Tensor");
}

bool mt_torch_knows(const char *global)
{
    enum call call;

    return find_call(global, &call);
}

/* --- tensors ------------------------------------------------------------- */

static mt_status fail_tensor(const char *source, const char *what,
                             struct mt_err *err)
{
    return mt_fail(err, MT_INVALID,
                   "%s: a tensor is described as none can be: %s", source,
                   what);
}

static const struct mt_pickle *argument(const struct mt_pickle *args, size_t i)
{
    bool there = args && args->kind == MT_PK_TUPLE && i < mt_pickle_count(args);

    return there ? mt_pickle_at(args, i) : NULL;
}

static bool get_count(const struct mt_pickle *v, uint64_t *out)
{
    if (!v || v->kind != MT_PK_INT || v->i < 0)
        return false;
    *out = (uint64_t)v->i;
    return true;
}

/* A tuple of numbers, or the tuple in torch.Size(). */
static const struct mt_pickle *numbers_of(const struct mt_pickle *v)
{
    if (v && v->kind == MT_PK_OBJECT &&
        mt_pickle_is_global(v->object->callee, "torch.Size"))
        v = argument(v->object->args, 0);
    return v && (v->kind == MT_PK_TUPLE || v->kind == MT_PK_LIST) ? v : NULL;
}

static mt_status read_shape(const char *source, const struct mt_pickle *size,
                            const struct mt_pickle *stride,
                            struct mt_torch_tensor *t, struct mt_err *err)
{
    size_t rank = size ? mt_pickle_count(size) : 0;

    if (!size || !stride || mt_pickle_count(stride) != rank)
        return fail_tensor(source, "no size and stride", err);
    if (rank > MT_MAX_RANK)
        t->odd = "of more than 8 dimensions";
    for (size_t i = 0; i < rank && i < MT_MAX_RANK; i++) {
        uint64_t dim, step;

        if (!get_count(mt_pickle_at(size, i), &dim) ||
            !get_count(mt_pickle_at(stride, i), &step) || dim > SIZE_MAX)
            return fail_tensor(source, "a size or a stride is not a number",
                               err);
        t->shape.dim[t->shape.rank++] = (size_t)dim;
        t->strides.of[i] = step;
    }
    return MT_OK;
}

/* ("storage", class, key, location, number of elements[, view]) */
mt_status mt_torch_storage(const char *source, const struct mt_pickle *v,
                           struct mt_torch_storage *s, const char **odd,
                           struct mt_err *err)
{
    const struct mt_pickle *id =
        v && v->kind == MT_PK_PERSISTENT ? v->object->args : NULL;
    const struct mt_pickle *class = argument(id, 1), *key = argument(id, 2);
    const struct mt_pickle *view = argument(id, 5);
    uint64_t n;
    size_t bytes;

    if (!mt_pickle_is_text(argument(id, 0), "storage") || !class ||
        class->kind != MT_PK_GLOBAL || !key || key->kind != MT_PK_TEXT ||
        !get_count(argument(id, 4), &n))
        return fail_tensor(source, "no storage", err);
    s->type = storage_type(class->text);
    if (!s->type)
        return mt_fail(err, MT_INVALID, "%s: a storage is a `%s`: refused",
                       source, class->text);
    if (n > SIZE_MAX || !mt_size_mul((size_t)n, s->type->size, &bytes))
        return fail_tensor(source, "its storage is too large", err);
    if (view && view->kind != MT_PK_NONE)
        *odd = "a view of another storage";
    s->key = key->text;
    s->n = key->n;
    s->bytes = bytes;
    return MT_OK;
}

/* Does it stay within its storage? */
static mt_status check_extent(const char *source,
                              const struct mt_torch_tensor *t,
                              struct mt_err *err)
{
    size_t last = 0, step; /* the last element's offset from the first */
    bool empty = false;
    uint64_t n = t->storage.bytes / t->type->size;

    for (int d = 0; d < t->shape.rank; d++) {
        size_t dim = t->shape.dim[d];

        empty |= dim == 0;
        if (t->strides.of[d] > SIZE_MAX ||
            !mt_size_mul(dim ? dim - 1 : 0, (size_t)t->strides.of[d], &step) ||
            !mt_size_add(last, step, &last))
            return fail_tensor(source, "it is larger than any storage", err);
    }
    if (!empty && (t->offset >= n || last > n - t->offset - 1))
        return mt_fail(err, MT_INVALID,
                       "%s: a tensor %s reaches beyond its storage \"%.*s\"",
                       source, mt_shape_text(&t->shape).text,
                       (int)(t->storage.n < 40 ? t->storage.n : 40),
                       t->storage.key);
    return MT_OK;
}

/* (storage, offset, size, stride, ...[, dtype of version 3]) */
static mt_status read_tensor(const char *source, const struct mt_pickle *args,
                             struct mt_torch_tensor *t, struct mt_err *err)
{
    const struct mt_pickle *dtype = argument(args, 6);
    mt_status status =
        mt_torch_storage(source, argument(args, 0), &t->storage, &t->odd, err);

    if (status != MT_OK)
        return status;
    t->type = t->storage.type;
    if (dtype && dtype->kind == MT_PK_GLOBAL && dtype_type(dtype->text))
        t->type = dtype_type(dtype->text);
    if (!get_count(argument(args, 1), &t->offset))
        return fail_tensor(source, "no offset", err);
    status = read_shape(source, numbers_of(argument(args, 2)),
                        numbers_of(argument(args, 3)), t, err);
    if (status != MT_OK || t->odd)
        return status;
    if (t->type->dtype == MT_OTHER)
        t->odd = t->type->name;
    return check_extent(source, t, err);
}

/* --- values -------------------------------------------------------------- */

static void set_pairs(const struct mt_pickle *dict, struct mt_torch_value *out)
{
    out->meaning = MT_TORCH_DICT;
    if (!dict || dict->kind != MT_PK_DICT)
        return;
    out->pairs = dict->list;
    out->container = dict;
}

static void set_list(const struct mt_pickle *list, struct mt_torch_value *out)
{
    bool is_list =
        list && (list->kind == MT_PK_LIST || list->kind == MT_PK_TUPLE);

    out->meaning = is_list ? MT_TORCH_LIST : MT_TORCH_PLAIN;
    out->list = out->container = list;
}

static bool is_pair(const struct mt_pickle *v)
{
    return (v->kind == MT_PK_LIST || v->kind == MT_PK_TUPLE) &&
           mt_pickle_count(v) == 2;
}

/* OrderedDict([[key, value], ...]), as protocols 0 and 1 write it. */
static void set_ordered(const struct mt_pickle_object *o,
                        struct mt_torch_value *out)
{
    const struct mt_pickle *list = argument(o->args, 0);

    out->meaning = MT_TORCH_DICT;
    out->pairs = &o->pairs;
    if (list && list->kind == MT_PK_LIST && !o->pairs.n)
        out->pair_list = out->container = list;
}

static void set_odd(struct mt_torch_value *out, const char *what)
{
    out->meaning = MT_TORCH_TENSOR;
    out->tensor.odd = what;
}

static mt_status understand_call(const char *source, enum call call,
                                 const struct mt_pickle_object *o,
                                 const struct mt_pickle *args,
                                 struct mt_torch_value *out, struct mt_err *err)
{
    switch (call) {
    case ORDERED:
        set_ordered(o, out);
        return MT_OK;
    case COUNTER:
        set_pairs(argument(args, 0), out);
        return MT_OK;
    case MAPPING:
        out->meaning = MT_TORCH_DICT;
        out->pairs = &o->pairs;
        return MT_OK;
    case SIZE:
        set_list(argument(args, 0), out);
        return MT_OK;
    case TENSOR:
        out->meaning = MT_TORCH_TENSOR;
        return read_tensor(source, args, &out->tensor, err);
    case SPARSE:
        set_odd(out, "sparse");
        return MT_OK;
    case META:
        set_odd(out, "without elements (meta)");
        return MT_OK;
    case QUANTIZED:
        set_odd(out, "quantized");
        return MT_OK;
    case SUBCLASS:
    case PARAMETER: /* not of a tensor */
        return fail_tensor(source, "a parameter of no tensor", err);
    case PLAIN:
        break;
    }
    out->meaning = MT_TORCH_PLAIN;
    return MT_OK;
}

/* Parameters and subclasses are unwrapped; PyTorch wraps a tensor once or
 * twice. */
enum { MAX_WRAPS = 8 };

static mt_status understand_object(const char *source,
                                   const struct mt_pickle *v,
                                   struct mt_torch_value *out,
                                   struct mt_err *err)
{
    for (int wraps = 0; wraps < MAX_WRAPS;) {
        const struct mt_pickle_object *o = v->object;
        const struct mt_pickle *callee = o->callee, *args = o->args;
        enum call call;

        for (;;) {
            if (callee->kind != MT_PK_GLOBAL) {
                out->meaning = MT_TORCH_OBJECT;
                out->needs = "a call of something that has no name";
                return MT_OK;
            }
            if (!find_call(callee->text, &call)) {
                out->meaning = MT_TORCH_OBJECT;
                out->needs = callee->text;
                return MT_OK;
            }
            if (call != SUBCLASS || !argument(args, 2) || ++wraps == MAX_WRAPS)
                break;
            callee = argument(args, 0);
            args = argument(args, 2);
        }
        const struct mt_pickle *inner =
            call == PARAMETER ? argument(args, 0) : NULL;

        out->container = v;
        if (!inner || inner->kind != MT_PK_OBJECT)
            return understand_call(source, call, o, args, out, err);
        v = inner;
        wraps++;
    }
    return fail_tensor(source, "it is wrapped too often", err);
}

mt_status mt_torch_understand(const char *source, const struct mt_pickle *v,
                              struct mt_torch_value *out, struct mt_err *err)
{
    memset(out, 0, sizeof *out);
    switch (v->kind) {
    case MT_PK_DICT:
        set_pairs(v, out);
        break;
    case MT_PK_TUPLE:
    case MT_PK_LIST:
        set_list(v, out);
        break;
    case MT_PK_OBJECT:
        return understand_object(source, v, out, err);
    default:
        out->meaning = MT_TORCH_PLAIN;
    }
    return MT_OK;
}

size_t mt_torch_pairs(const struct mt_torch_value *dict)
{
    if (dict->pair_list)
        return mt_pickle_count(dict->pair_list);
    return dict->pairs ? dict->pairs->n / 2 : 0;
}

void mt_torch_pair(const struct mt_torch_value *dict, size_t i,
                   const struct mt_pickle **key, const struct mt_pickle **value)
{
    if (dict->pair_list) {
        static const struct mt_pickle none = { .kind = MT_PK_NONE };
        const struct mt_pickle *pair = mt_pickle_at(dict->pair_list, i);

        *key = is_pair(pair) ? mt_pickle_at(pair, 0) : &none;
        *value = is_pair(pair) ? mt_pickle_at(pair, 1) : &none;
    } else {
        *key = dict->pairs->at[2 * i];
        *value = dict->pairs->at[2 * i + 1];
    }
}
