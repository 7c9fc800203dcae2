#include "core/control/client/json_reader_internal.h"

#include "core/base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* JSON's numbers are doubles for many readers: exact until there. It also leaves room for sums. */
#define NUMBER_MAX 9007199254740992.0

bool reader_refuse(struct reader *r, const cJSON *item, const char *what)
{
    char name[64];
    if (r->why != ERR_OK)
        return false;
    r->why = ERR_PROTOCOL;
    str_escape(span_of(item->string), name, sizeof name);
    snprintf(r->problem, r->size, "\"%s\" %s", name, what);
    return false;
}

void *reader_take(struct reader *r, size_t n)
{
    void *p = arena_take(r->memory, n);
    if (p != NULL)
        return memset(p, 0, n);
    r->why = ERR_NO_MEMORY;
    snprintf(r->problem, r->size, "%s", err_text(ERR_NO_MEMORY));
    return NULL;
}

bool read_text(struct reader *r, const cJSON *item, void *at)
{
    if (!cJSON_IsString(item))
        return reader_refuse(r, item, "is not text");
    size_t n = strlen(item->valuestring) + 1;
    char *copy = reader_take(r, n);
    if (copy == NULL)
        return false;
    memcpy(copy, item->valuestring, n);
    memcpy(at, &copy, sizeof copy);
    return true;
}

static bool read_number(struct reader *r, const cJSON *item, double least, double *out)
{
    if (!cJSON_IsNumber(item))
        return reader_refuse(r, item, "is not a number");
    *out = item->valuedouble;
    if (!(*out > least)) /* not a number at all, too */
        *out = least;
    if (*out > NUMBER_MAX)
        *out = NUMBER_MAX;
    return true;
}

bool read_count(struct reader *r, const cJSON *item, void *at)
{
    double number = 0;
    if (!read_number(r, item, 0, &number))
        return false;
    *(uint64_t *)at = (uint64_t)number;
    return true;
}

bool read_integer(struct reader *r, const cJSON *item, void *at)
{
    double number = 0;
    if (!read_number(r, item, -NUMBER_MAX, &number))
        return false;
    *(int64_t *)at = (int64_t)number;
    return true;
}

bool read_real(struct reader *r, const cJSON *item, void *at)
{
    return read_number(r, item, 0, at);
}

bool read_flag(struct reader *r, const cJSON *item, void *at)
{
    if (!cJSON_IsBool(item))
        return reader_refuse(r, item, "is neither true nor false");
    *(bool *)at = cJSON_IsTrue(item);
    return true;
}

/* Writers keep the tables' order, so that the next member is mostly the one after the last. */
static const struct member *find(const struct member *members, size_t n, size_t *at,
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

bool read_object(struct reader *r, const cJSON *object, const struct member *members, size_t n,
                 void *at)
{
    const cJSON *item;
    size_t next = 0;
    if (!cJSON_IsObject(object))
        return reader_refuse(r, object, "is not an object");
    cJSON_ArrayForEach(item, object)
    {
        const struct member *m = find(members, n, &next, item->string);
        if (m != NULL && !cJSON_IsNull(item) && !m->read(r, item, (char *)at + m->offset))
            return false;
    }
    return true;
}

bool read_array(struct reader *r, const cJSON *array, size_t most, size_t item_size, size_t *n,
                void **items)
{
    *n = 0;
    if (!cJSON_IsArray(array))
        return reader_refuse(r, array, "is not an array");
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        ++*n;
    if (*n > most)
        return reader_refuse(r, array, "has more than it may hold");
    *items = reader_take(r, *n * item_size);
    return *items != NULL;
}
