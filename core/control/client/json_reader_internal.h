/* Reads a JSON tree into structs, by tables of members; private to this folder. */
#ifndef CORE_CONTROL_CLIENT_JSON_READER_INTERNAL_H
#define CORE_CONTROL_CLIENT_JSON_READER_INTERNAL_H

#include "core/base/err.h"
#include "core/control/client/arena_internal.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* The first failure is kept; every function returns false for one. */
struct json_reader {
    struct arena *memory; /* for the values that are read */
    enum err why;
    char *problem;
    size_t size;
};

/* Fills the value at `at`. A number must be in the range below; another type is an error. */
typedef bool json_read_value(struct json_reader *r, const cJSON *item, void *at);

struct json_member {
    const char *name;
    json_read_value *read;
    size_t offset;
};

/* Rows of a table of members for struct STRUCT, which the user defines: a member whose name in JSON
 * is another than in C, and one whose name is the same. */
#define JSON_COUNT(table) (sizeof(table) / sizeof *(table))
#define JSON_AT(name, read, field)                                                                 \
    {                                                                                              \
        name, read, offsetof(struct STRUCT, field)                                                 \
    }
#define JSON_SAME(field, read)                                                                     \
    {                                                                                              \
#field, read, offsetof(struct STRUCT, field)                                               \
    }

json_read_value json_read_text;    /* const char * */
json_read_value json_read_count;   /* uint64_t: 0 .. 2^53, as all of these */
json_read_value json_read_rows;    /* size_t, of rows: 0 .. 2^31-1 */
json_read_value json_read_integer; /* int64_t: from -2^53 */
json_read_value json_read_real;    /* double: 0 .. 2^53 */
json_read_value json_read_flag;    /* bool */

/* Reads the members of an object that are in the table; other members, and those that are null, are
 * skipped. */
bool json_read_object(struct json_reader *r, const cJSON *object, const struct json_member *members,
                      size_t n, void *at);
/* Allocates zeroed memory for the items of an array and says how many there are. */
bool json_read_array(struct json_reader *r, const cJSON *array, size_t most, size_t item_size,
                     size_t *n, void **items);
/* One kind of objects in an array: how each is read, and what it is before that. */
struct json_kind {
    const struct json_member *members;
    size_t n;
    const void *empty;
    size_t size, most;
};
bool json_read_items(struct json_reader *r, const cJSON *array, const struct json_kind *k,
                     size_t *n, void **items);
bool json_read_texts(struct json_reader *r, const cJSON *array, size_t most, size_t *n,
                     const char ***texts);
void *json_reader_take(struct json_reader *r, size_t n); /* zeroed; NULL: failed */
/* Always false. */
bool json_reader_refuse(struct json_reader *r, const cJSON *item, const char *what);

#endif
