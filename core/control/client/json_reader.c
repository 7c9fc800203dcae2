#include "core/control/client/json_reader_internal.h"

#include "core/base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Many readers take JSON's numbers as doubles, which are exact up to here. The limit also leaves
 * room for sums. */
#define NUMBER_MAX 9007199254740992.0

bool json_reader_refuse(struct json_reader *r, const cJSON *item, const char *what)
{
    char name[64];
    if (r->why != ERR_OK)
        return false;
    r->why = ERR_PROTOCOL;
    str_escape(span_of(item->string), name, sizeof name);
    snprintf(r->problem, r->size, "\"%s\" %s", name, what);
    return false;
}

void *json_reader_take(struct json_reader *r, size_t n)
{
    void *p = arena_take(r->memory, n);
    if (p != NULL)
        return memset(p, 0, n);
    r->why = ERR_NO_MEMORY;
    snprintf(r->problem, r->size, "%s", err_text(ERR_NO_MEMORY));
    return NULL;
}

bool json_read_text(struct json_reader *r, const cJSON *item, void *at)
{
    if (!cJSON_IsString(item))
        return json_reader_refuse(r, item, "is not text");
    size_t n = strlen(item->valuestring) + 1;
    char *copy = json_reader_take(r, n);
    if (copy == NULL)
        return false;
    memcpy(copy, item->valuestring, n);
    memcpy(at, &copy, sizeof copy);
    return true;
}

static bool read_number(struct json_reader *r, const cJSON *item, double least, double *out)
{
    if (!cJSON_IsNumber(item))
        return json_reader_refuse(r, item, "is not a number");
    *out = item->valuedouble;
    if (!(*out > least)) /* also true for NaN */
        *out = least;
    if (*out > NUMBER_MAX)
        *out = NUMBER_MAX;
    return true;
}

bool json_read_count(struct json_reader *r, const cJSON *item, void *at)
{
    double number = 0;
    if (!read_number(r, item, 0, &number))
        return false;
    *(uint64_t *)at = (uint64_t)number;
    return true;
}

bool json_read_rows(struct json_reader *r, const cJSON *item, void *at)
{
    double number = 0;
    if (!read_number(r, item, 0, &number))
        return false;
    *(size_t *)at = number < INT32_MAX ? (size_t)number : INT32_MAX;
    return true;
}

bool json_read_integer(struct json_reader *r, const cJSON *item, void *at)
{
    double number = 0;
    if (!read_number(r, item, -NUMBER_MAX, &number))
        return false;
    *(int64_t *)at = (int64_t)number;
    return true;
}

bool json_read_real(struct json_reader *r, const cJSON *item, void *at)
{
    return read_number(r, item, 0, at);
}

bool json_read_flag(struct json_reader *r, const cJSON *item, void *at)
{
    if (!cJSON_IsBool(item))
        return json_reader_refuse(r, item, "is neither true nor false");
    *(bool *)at = cJSON_IsTrue(item);
    return true;
}

/* Writers keep the order of the tables, so the next member usually follows the last one. */
static const struct json_member *find(const struct json_member *members, size_t n, size_t *at,
                                      const char *name)
{
    for (size_t i = 0; i < n; i++, ++*at) {
        if (*at == n)
            *at = 0;
        if (strcmp(members[*at].name, name) == 0)
            return &members[(*at)++];
    }
    return NULL;
}

bool json_read_object(struct json_reader *r, const cJSON *object, const struct json_member *members,
                      size_t n, void *at)
{
    const cJSON *item;
    size_t next = 0;
    if (!cJSON_IsObject(object))
        return json_reader_refuse(r, object, "is not an object");
    cJSON_ArrayForEach(item, object)
    {
        const struct json_member *m = find(members, n, &next, item->string);
        if (m != NULL && !cJSON_IsNull(item) && !m->read(r, item, (char *)at + m->offset))
            return false;
    }
    return true;
}

bool json_read_array(struct json_reader *r, const cJSON *array, size_t most, size_t item_size,
                     size_t *n, void **items)
{
    *n = 0;
    if (!cJSON_IsArray(array))
        return json_reader_refuse(r, array, "is not an array");
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        ++*n;
    if (*n > most)
        return json_reader_refuse(r, array, "has more than it may hold");
    *items = json_reader_take(r, *n * item_size);
    return *items != NULL;
}

bool json_read_items(struct json_reader *r, const cJSON *array, const struct json_kind *k,
                     size_t *n, void **items)
{
    if (!json_read_array(r, array, k->most, k->size, n, items))
        return false;
    char *at = *items;
    for (const cJSON *item = array->child; item != NULL; item = item->next, at += k->size) {
        memcpy(at, k->empty, k->size);
        if (!cJSON_IsObject(item))
            return json_reader_refuse(r, array, "holds something that is not an object");
        if (!json_read_object(r, item, k->members, k->n, at))
            return false;
    }
    return true;
}

bool json_read_texts(struct json_reader *r, const cJSON *array, size_t most, size_t *n,
                     const char ***texts)
{
    void *items;
    size_t i = 0;
    if (!json_read_array(r, array, most, sizeof **texts, n, &items))
        return false;
    *texts = items;
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        if (!json_read_text(r, item, &(*texts)[i++]))
            return false;
    return true;
}
