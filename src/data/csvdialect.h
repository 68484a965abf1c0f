/*
 * How a table is written: what separates fields, what a number looks like, and
 * which lines are not records.
 */
#ifndef MT_DATA_CSVDIALECT_H
#define MT_DATA_CSVDIALECT_H

#include "data/number.h"
#include "spec/keys.h"

struct mt_csv_dialect {
    char delimiter; /* between fields; ' ': any run of spaces and tabs */
    char decimal;   /* '.' or ',' */
    char thousands; /* between groups of three digits; 0: none */
    char comment;   /* lines that begin with it are skipped; 0: none */
};

extern const struct mt_csv_dialect mt_csv_plain; /* , . and nothing else */

/* The keys of "data" for it; STRUCT has them as texts. */
#define MT_DIALECT_KEYS(STRUCT)                                                \
    { "delimiter", MT_KEY_STRING, offsetof(STRUCT, delimiter), .def = "\",\"", \
      .doc = "the one character between fields; a space: any run of spaces "   \
             "and tabs" },                                                     \
        { "decimal", MT_KEY_STRING, offsetof(STRUCT, decimal), .def = "\".\"", \
          .doc = "the character before the decimals of a number: . or ," },    \
        { "thousands", MT_KEY_STRING, offsetof(STRUCT, thousands),             \
          .doc =                                                               \
              "the character between groups of three digits of a number, as "  \
              "the comma in 1,234,567; default: there is none" },              \
    {                                                                          \
        "comment", MT_KEY_STRING, offsetof(STRUCT, comment),                   \
            .doc = "lines that begin with this character are skipped; "        \
                   "default: "                                                 \
                   "all lines are records"                                     \
    }

/* The character that text, the value of a key, means. Returns NULL, or what was
 * expected. */
const char *mt_csv_sign(const char *key, const char *text, char *out);

/* Reads it from the spec's "data" object. */
mt_status mt_csv_dialect_read(const struct mt_json *doc,
                              const struct mt_item *data,
                              struct mt_csv_dialect *out, struct mt_err *err);

/* Appends `, "delimiter": ";"` and the other keys that are not the default. */
void mt_csv_dialect_print(const struct mt_csv_dialect *dialect,
                          struct mt_strbuf *out);

/* mt_number_in_f32() for a number in the dialect. With `thousands`, groups must
 * have three digits each; a number may also have no groups. */
enum mt_number mt_csv_parse(const struct mt_csv_dialect *dialect,
                            const char *text, size_t n, double *out);

/* The forms of numbers, and in which of them a text can be read (bit i:
 * mt_csv_forms[i]). */
enum { MT_CSV_FORMS = 8 };
extern const struct mt_csv_dialect mt_csv_forms[MT_CSV_FORMS];
unsigned mt_csv_forms_of(const char *text, size_t n);

/* What a text that is not a number would be in another form, e.g. "; with
 * data.decimal: \",\" it is 1.5"; or "". */
struct mt_csv_advice {
    char text[224];
};
struct mt_csv_advice mt_csv_advise(const char *text, size_t n);

/* The X of a first line "sep=X", or 0. */
char mt_csv_sep(const char *text, size_t n);

/* Refuses a file that is not text, by its first bytes, and says what it is. */
mt_status mt_csv_check_text(const char *path, const char *bytes, size_t n,
                            struct mt_err *err);

#endif
