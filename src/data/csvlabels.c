#include "data/csvlabels.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "data/number.h"

enum { RECENT = 64 }; /* texts in the cache */

/* A text of 1 to 16 bytes: its first eight and its last eight, which overlap.
 * n == 0: none. */
struct mt_labels_recent {
    uint64_t head, tail;
    uint32_t n;
    int32_t meaning;
};

void mt_labels_init(struct mt_labels *labels, struct mt_arena *arena)
{
    *labels = (struct mt_labels){ .arena = arena, .numeric = true };
}

void mt_labels_free(struct mt_labels *labels)
{
    free(labels->recent);
    free(labels->values);
    free(labels->numbers);
    free(labels->sorted);
    free(labels->by_number);
    free(labels->class_of);
}

static int compare_bytes(const char *a, size_t na, const char *b, size_t nb)
{
    int order = memcmp(a, b, na < nb ? na : nb);

    return order ? order : (na > nb) - (na < nb);
}

/* Binary search. Returns whether the value is there; *at is its place in
 * sorted, or the place where it belongs. A hash table would be faster, but a
 * file could be made so that all values collide. */
static bool search(const struct mt_labels *labels, const char *text, size_t n,
                   size_t *at)
{
    size_t low = 0, high = labels->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *value = labels->values[labels->sorted[middle]];
        int order = compare_bytes(value, strlen(value), text, n);

        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

static mt_status grow(struct mt_labels *labels)
{
    size_t room = labels->room ? labels->room * 2 : 64;
    const char **values;
    double *numbers;
    uint32_t *sorted;

    if (labels->n < labels->room)
        return MT_OK;
    if (!labels->recent)
        labels->recent = calloc(RECENT, sizeof *labels->recent);
    values = realloc(labels->values, room * sizeof *values);
    labels->values = values ? values : labels->values;
    numbers = realloc(labels->numbers, room * sizeof *numbers);
    labels->numbers = numbers ? numbers : labels->numbers;
    sorted = realloc(labels->sorted, room * sizeof *sorted);
    labels->sorted = sorted ? sorted : labels->sorted;
    if (!values || !numbers || !sorted || !labels->recent)
        return MT_NO_MEMORY;
    labels->room = room;
    return MT_OK;
}

mt_status mt_labels_add(struct mt_labels *labels, const char *text, size_t n,
                        uint32_t *index)
{
    size_t at;
    char *value;

    if (search(labels, text, n, &at)) {
        *index = labels->sorted[at];
        return MT_OK;
    }
    if (labels->n >= MT_LABELS_MAX)
        return MT_INVALID;
    if (grow(labels) != MT_OK)
        return MT_NO_MEMORY;
    value = mt_arena_strndup(labels->arena, text, n);
    if (!value)
        return MT_NO_MEMORY;
    labels->values[labels->n] = value;
    labels->numbers[labels->n] = 0;
    if (mt_number_f64(text, n, &labels->numbers[labels->n]) != MT_NUMBER_OK)
        labels->numeric = false;
    memmove(labels->sorted + at + 1, labels->sorted + at,
            (labels->n - at) * sizeof *labels->sorted);
    labels->sorted[at] = (uint32_t)labels->n;
    *index = (uint32_t)labels->n++;
    return MT_OK;
}

int32_t mt_labels_index(const struct mt_labels *labels, const char *text,
                        size_t n)
{
    size_t at;

    return search(labels, text, n, &at) ? (int32_t)labels->sorted[at] : -1;
}

/* ---- recent texts ---- */

static uint64_t load(const char *text)
{
    uint64_t x;

    memcpy(&x, text, sizeof x);
    return le64toh(x);
}

/* The place of a text of 1 to 16 bytes in the cache; *out: its entry. */
static size_t place_of(const char *text, size_t n, struct mt_labels_recent *out)
{
    uint64_t head = load(text), tail = 0;

    if (n > 8)
        tail = load(text + n - 8);
    else
        head &= UINT64_MAX >> (64 - 8 * n);
    *out = (struct mt_labels_recent){ head, tail, (uint32_t)n, 0 };
    return ((head ^ tail >> 32 ^ tail << 32) * UINT64_C(0x9e3779b97f4a7c15)) >>
           58;
}

int32_t mt_labels_recall(const struct mt_labels *labels, const char *text,
                         size_t n)
{
    struct mt_labels_recent key;
    const struct mt_labels_recent *known;

    if (n - 1 >= 16 || !labels->recent)
        return -1;
    known = &labels->recent[place_of(text, n, &key)];
    return known->head == key.head && known->tail == key.tail &&
                   known->n == key.n
               ? known->meaning
               : -1;
}

void mt_labels_remember(struct mt_labels *labels, const char *text, size_t n,
                        int32_t meaning)
{
    struct mt_labels_recent key;
    size_t at;

    if (n - 1 >= 16 || !labels->recent)
        return;
    at = place_of(text, n, &key);
    key.meaning = meaning;
    labels->recent[at] = key;
}

/* ---- classes ---- */

struct number {
    double value;
    uint32_t index;
};

static int compare_numbers(const void *a, const void *b)
{
    const struct number *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Fills by_number: ascending, equal ones in the order in which they came. */
static mt_status sort_numbers(struct mt_labels *labels)
{
    struct number *list = malloc((labels->n + 1) * sizeof *list);

    labels->by_number = malloc((labels->n + 1) * sizeof *labels->by_number);
    if (!list || !labels->by_number) {
        free(list);
        return MT_NO_MEMORY;
    }
    for (size_t i = 0; i < labels->n; i++)
        list[i] = (struct number){ labels->numbers[i], (uint32_t)i };
    qsort(list, labels->n, sizeof *list, compare_numbers);
    for (size_t i = 0; i < labels->n; i++)
        labels->by_number[i] = list[i].index;
    free(list);
    return MT_OK;
}

/* Beyond 2^53 different whole numbers may be the same double. */
static bool same_number(double a, double b)
{
    return a == b && a < 0x1p53 && a > -0x1p53;
}

mt_status mt_labels_finish(struct mt_labels *labels)
{
    const uint32_t *order = labels->sorted;
    const char **names =
        mt_arena_calloc(labels->arena, labels->n + 1, sizeof *names);

    labels->class_of = calloc(labels->n + 1, sizeof *labels->class_of);
    if (!names || !labels->class_of)
        return MT_NO_MEMORY;
    if (labels->recent)
        memset(labels->recent, 0, RECENT * sizeof *labels->recent);
    if (labels->numeric) {
        if (sort_numbers(labels) != MT_OK)
            return MT_NO_MEMORY;
        order = labels->by_number;
    }
    for (size_t i = 0; i < labels->n; i++) {
        if (!(labels->numeric && i > 0 &&
              same_number(labels->numbers[order[i - 1]],
                          labels->numbers[order[i]])))
            names[labels->classes++] = labels->values[order[i]];
        labels->class_of[order[i]] = (int32_t)labels->classes - 1;
    }
    labels->names = names;
    return MT_OK;
}

mt_status mt_labels_set(struct mt_labels *labels, const char *const *names,
                        size_t n)
{
    uint32_t index;

    for (size_t i = 0; i < n; i++) {
        mt_status status =
            mt_labels_add(labels, names[i], strlen(names[i]), &index);

        if (status != MT_OK)
            return status;
        if (labels->n != i + 1)
            return MT_INVALID;
    }
    labels->class_of = calloc(labels->n + 1, sizeof *labels->class_of);
    if (!labels->class_of)
        return MT_NO_MEMORY;
    for (size_t i = 0; i < labels->n; i++)
        labels->class_of[i] = (int32_t)i;
    labels->classes = labels->n;
    labels->names = names;
    return labels->numeric ? sort_numbers(labels) : MT_OK;
}

int32_t mt_labels_find(const struct mt_labels *labels, const char *text,
                       size_t n)
{
    size_t at, low = 0, high = labels->n;
    double v;

    if (search(labels, text, n, &at))
        return labels->class_of[labels->sorted[at]];
    if (!labels->numeric || mt_number_f64(text, n, &v) != MT_NUMBER_OK)
        return -1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t index = labels->by_number[middle];

        if (same_number(labels->numbers[index], v))
            return labels->class_of[index];
        if (labels->numbers[index] < v)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
