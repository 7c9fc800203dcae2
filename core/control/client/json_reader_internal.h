/* From a JSON tree into structs, by tables of members; private to this folder. */
#ifndef CORE_CONTROL_CLIENT_JSON_READER_INTERNAL_H
#define CORE_CONTROL_CLIENT_JSON_READER_INTERNAL_H

#include "core/base/err.h"
#include "core/control/client/arena_internal.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* The first failure is kept; every function gives false for one. */
struct reader {
    struct arena *memory; /* of what is read */
    enum err why;
    char *problem;
    size_t size;
};

/* Fills what lies at `at`. A number is held to what the member may be; another type is an error. */
typedef bool read_value(struct reader *r, const cJSON *item, void *at);

struct member {
    const char *name;
    read_value *read;
    size_t offset;
};

read_value read_text;    /* const char * */
read_value read_count;   /* uint64_t: 0 .. 2^53, as all these */
read_value read_integer; /* int64_t: from -2^53 */
read_value read_real;    /* double: 0 .. 2^53 */
read_value read_flag;    /* bool */

/* The members of an object that are in the table; others are skipped, and those that are null. */
bool read_object(struct reader *r, const cJSON *object, const struct member *members, size_t n,
                 void *at);
/* Memory for the items of an array, zeroed, and how many there are. */
bool read_array(struct reader *r, const cJSON *array, size_t most, size_t item_size, size_t *n,
                void **items);
void *reader_take(struct reader *r, size_t n); /* zeroed; NULL: failed */
bool reader_refuse(struct reader *r, const cJSON *item, const char *what); /* false */

#endif
