#include "gateway/hub/registry/record_json.h"

#include "core/base/encoding.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef const struct record_json_field field_of;

static const void *at(const void *record, size_t offset)
{
    return (const char *)record + offset;
}

/* ---- writing ---- */

static cJSON *write_base64(const uint8_t *bytes, size_t n)
{
    char *text = malloc(BASE64_SIZE(n));
    if (text == NULL)
        return NULL;
    base64_encode(bytes, n, text, false);
    cJSON *j = cJSON_CreateString(text);
    explicit_bzero(text, BASE64_SIZE(n));
    free(text);
    return j;
}

static cJSON *write_texts(const struct texts *t)
{
    cJSON *j = cJSON_CreateArray();
    for (size_t i = 0; j != NULL && i < t->n; i++) {
        if (cJSON_AddItemToArray(j, cJSON_CreateString(t->items[i])))
            continue;
        cJSON_Delete(j);
        j = NULL;
    }
    return j;
}

static cJSON *write_tags(const struct tags *t)
{
    cJSON *j = cJSON_CreateObject();
    for (size_t i = 0; j != NULL && i < t->n; i++) {
        if (cJSON_AddStringToObject(j, t->items[i].key, t->items[i].value) != NULL)
            continue;
        cJSON_Delete(j);
        j = NULL;
    }
    return j;
}

static cJSON *write_value(const void *record, field_of *f)
{
    const void *p = at(record, f->at);
    switch (f->kind) {
    case RECORD_TEXT:
        return cJSON_CreateString(*(char *const *)p);
    case RECORD_NUMBER:
        return cJSON_CreateNumber((double)*(const int64_t *)p);
    case RECORD_COUNT:
        return cJSON_CreateNumber((double)*(const uint32_t *)p);
    case RECORD_FLAG:
        return cJSON_CreateBool(*(const bool *)p);
    case RECORD_WORD:
        return cJSON_CreateString(f->words[*(const unsigned *)p]);
    case RECORD_BYTES:
        return write_base64(p, f->size);
    case RECORD_BLOB:
        return write_base64(*(uint8_t *const *)p, *(const size_t *)at(record, f->beside));
    case RECORD_TEXTS:
        return write_texts(p);
    default:
        return write_tags(p);
    }
}

static bool is_there(const void *record, field_of *f)
{
    if (!f->optional)
        return true;
    if (f->kind == RECORD_BYTES)
        return *(const bool *)at(record, f->beside);
    return *(void *const *)at(record, f->at) != NULL;
}

char *record_json_write(const void *record, const struct record_json_field *fields, size_t n)
{
    cJSON *j = cJSON_CreateObject();
    bool fine = j != NULL;
    for (size_t i = 0; fine && i < n; i++) {
        if (!is_there(record, &fields[i]))
            continue;
        cJSON *value = write_value(record, &fields[i]);
        fine = value != NULL && cJSON_AddItemToObject(j, fields[i].name, value);
        if (!fine)
            cJSON_Delete(value);
    }
    char *text = fine ? cJSON_PrintUnformatted(j) : NULL;
    cJSON_Delete(j);
    return text;
}

/* ---- reading ---- */

static enum err read_text(const cJSON *j, void *p)
{
    if (!cJSON_IsString(j))
        return ERR_PROTOCOL;
    return (*(char **)p = strdup(j->valuestring)) != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err read_number(const cJSON *j, int64_t min, int64_t max, int64_t *out)
{
    if (!cJSON_IsNumber(j) || !(j->valuedouble >= (double)min) ||
        !(j->valuedouble <= (double)max) || floor(j->valuedouble) != j->valuedouble)
        return ERR_PROTOCOL;
    *out = (int64_t)j->valuedouble;
    return ERR_OK;
}

static enum err read_count(const cJSON *j, uint32_t *out)
{
    int64_t number = 0;
    enum err why = read_number(j, 0, UINT32_MAX, &number);
    *out = (uint32_t)number;
    return why;
}

static enum err read_flag(const cJSON *j, bool *out)
{
    *out = cJSON_IsTrue(j);
    return cJSON_IsBool(j) ? ERR_OK : ERR_PROTOCOL;
}

static enum err read_word(const cJSON *j, field_of *f, unsigned *out)
{
    for (size_t i = 0; cJSON_IsString(j) && i < f->n_words; i++) {
        if (strcmp(j->valuestring, f->words[i]) == 0) {
            *out = (unsigned)i;
            return ERR_OK;
        }
    }
    return ERR_PROTOCOL;
}

/* At least one byte, and at most `most`; malloc'd. */
static enum err read_base64(const cJSON *j, size_t most, uint8_t **out, size_t *n)
{
    struct span text = span_of(cJSON_IsString(j) ? j->valuestring : NULL);
    if (text.n == 0 || text.n > BASE64_SIZE(most) - 1)
        return ERR_PROTOCOL;
    uint8_t *bytes = malloc(text.n);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    long size = base64_decode(text, bytes);
    if (size <= 0 || (size_t)size > most) {
        free(bytes);
        return ERR_PROTOCOL;
    }
    *out = bytes;
    *n = (size_t)size;
    return ERR_OK;
}

static enum err read_bytes(const cJSON *j, field_of *f, void *record, uint8_t *out)
{
    uint8_t *bytes;
    size_t n;
    enum err why = read_base64(j, f->size, &bytes, &n);
    if (why != ERR_OK)
        return why;
    if (n == f->size)
        memcpy(out, bytes, n);
    explicit_bzero(bytes, n);
    free(bytes);
    if (f->optional)
        *(bool *)((char *)record + f->beside) = true;
    return n == f->size ? ERR_OK : ERR_PROTOCOL;
}

static enum err read_texts(const cJSON *j, struct texts *out)
{
    const cJSON *item;
    if (!cJSON_IsArray(j))
        return ERR_PROTOCOL;
    cJSON_ArrayForEach(item, j)
    {
        if (!cJSON_IsString(item))
            return ERR_PROTOCOL;
        if (!texts_add(out, span_of(item->valuestring)))
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum err read_tags(const cJSON *j, struct tags *out)
{
    const cJSON *item;
    size_t n = 0;
    if (!cJSON_IsObject(j))
        return ERR_PROTOCOL;
    cJSON_ArrayForEach(item, j)
    {
        if (!cJSON_IsString(item))
            return ERR_PROTOCOL;
        if (!tags_set(out, span_of(item->string), span_of(item->valuestring)))
            return ERR_NO_MEMORY;
        n++;
    }
    return out->n == n ? ERR_OK : ERR_PROTOCOL; /* no key is there twice */
}

static enum err read_value(const cJSON *j, field_of *f, void *record)
{
    void *p = (char *)record + f->at;
    switch (f->kind) {
    case RECORD_TEXT:
        return read_text(j, p);
    case RECORD_NUMBER:
        return read_number(j, f->min, RECORD_JSON_NUMBER_MAX, p);
    case RECORD_COUNT:
        return read_count(j, p);
    case RECORD_FLAG:
        return read_flag(j, p);
    case RECORD_WORD:
        return read_word(j, f, p);
    case RECORD_BYTES:
        return read_bytes(j, f, record, p);
    case RECORD_BLOB:
        return read_base64(j, f->size, p, (size_t *)(void *)((char *)record + f->beside));
    case RECORD_TEXTS:
        return read_texts(j, p);
    default:
        return read_tags(j, p);
    }
}

static enum err read_members(const cJSON *root, const struct record_json_field *fields, size_t n,
                             void *record)
{
    size_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        const cJSON *j = cJSON_GetObjectItemCaseSensitive(root, fields[i].name);
        if (j == NULL && fields[i].optional)
            continue;
        enum err why = j != NULL ? read_value(j, &fields[i], record) : ERR_PROTOCOL;
        if (why != ERR_OK)
            return why;
        taken++;
    }
    /* Others, or one a second time. */
    return (size_t)cJSON_GetArraySize(root) == taken ? ERR_OK : ERR_PROTOCOL;
}

enum err record_json_read(struct span text, const struct record_json_field *fields, size_t n,
                          void *record)
{
    const char *end = NULL;
    if (text.n == 0 || text.n > RECORD_JSON_MAX || memchr(text.p, '\0', text.n) != NULL)
        return ERR_PROTOCOL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, &end, false);
    enum err why = ERR_PROTOCOL;
    if (cJSON_IsObject(root) && end == text.p + text.n)
        why = read_members(root, fields, n, record);
    cJSON_Delete(root);
    return why;
}
