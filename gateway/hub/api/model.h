/* The input shapes of all operations, as tables: those of the service model (2018-10-05), and of
 * the hub's own. share/doc/api.md shows them for people. */
#ifndef GATEWAY_HUB_API_MODEL_H
#define GATEWAY_HUB_API_MODEL_H

#include "gateway/hub/api/keys.h"

#define MODEL_NO_MAX INT64_MAX
#define MODEL_LIFETIME_MINUTES 720 /* the model's maximum and default */

enum shape_type { SHAPE_STRING, SHAPE_INTEGER, SHAPE_BOOLEAN, SHAPE_LIST, SHAPE_STRUCTURE };

/* What a whole text may consist of. */
struct pattern {
    const char *text; /* the model's regular expression */
    enum { PATTERN_ALPHANUMERIC, PATTERN_TEXT, PATTERN_NO_CONTROL } of;
    const char *also;    /* more characters that are allowed, ASCII */
    int64_t least, most; /* characters */
};

struct member;

struct shape {
    enum shape_type type;
    bool limited;                  /* `most` is replaced by the limit that the caller gives */
    int64_t least, most;           /* characters, items, or the value */
    const struct pattern *pattern; /* strings; NULL: any */
    const char *const *words;      /* strings: one of these, NULL-terminated; NULL: any */
    const struct member *members;  /* structures; ends with a name of NULL */
    const struct shape *item;      /* lists */
};

struct member {
    const char *name;
    const struct shape *shape;
    bool required;
};

const struct shape *model_input(enum operation o);

#endif
