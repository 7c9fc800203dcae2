/* The text of the tunnels file, both ways; no files here. */
#include "gateway/hub/tunnel_file.h"

#include "core/base/map.h"
#include "core/config/services.h"

#include <bearssl.h>
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_MAX 253402300799.0 /* the end of the year 9999 */

static const char *const hash_keys[SIDE_COUNT] = {"source-token-sha256",
                                                  "destination-token-sha256"};

/* Where a sentence about what is wrong goes. */
struct problem {
    char *text;
    size_t size;
    size_t entry; /* from 1; 0: not inside one */
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct problem *w, const char *format,
                                                        ...)
{
    va_list args;
    int n = w->entry > 0 ? snprintf(w->text, w->size, "tunnel %zu: ", w->entry) : 0;
    va_start(args, format);
    if (n >= 0 && (size_t)n < w->size)
        vsnprintf(w->text + n, w->size - (size_t)n, format, args);
    va_end(args);
    return false;
}

void token_hash(struct span token, uint8_t out[TOKEN_HASH])
{
    br_sha256_context c;
    br_sha256_init(&c);
    br_sha256_update(&c, token.p, token.n);
    br_sha256_out(&c, out);
}

static bool read_text(const struct problem *w, const cJSON *j, char **out)
{
    if (!cJSON_IsString(j))
        return wrong(w, "\"%s\" must be a string", j->string);
    size_t n = strlen(j->valuestring);
    if (n == 0 || n > TUNNEL_TEXT_MAX)
        return wrong(w, "\"%s\" must have 1 to %d characters", j->string, TUNNEL_TEXT_MAX);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)j->valuestring[i] < 32)
            return wrong(w, "\"%s\" has a control character", j->string);
    *out = span_dup(span_of(j->valuestring));
    return *out != NULL || wrong(w, "out of memory");
}

static bool read_time(const struct problem *w, const cJSON *j, int64_t *out)
{
    if (!cJSON_IsNumber(j) || !(j->valuedouble >= 1 && j->valuedouble <= EPOCH_MAX) ||
        j->valuedouble != (double)(int64_t)j->valuedouble)
        return wrong(w, "\"%s\" must be seconds since 1970", j->string);
    *out = (int64_t)j->valuedouble;
    return true;
}

static bool read_services(const struct problem *w, const cJSON *j, struct tunnel_record *r)
{
    int n = cJSON_GetArraySize(j);
    if (!cJSON_IsArray(j) || n > TUNNEL_SERVICES_MAX)
        return wrong(w, "\"services\" must be an array of at most %d strings", TUNNEL_SERVICES_MAX);
    r->services = calloc((size_t)n + 1, sizeof *r->services);
    if (r->services == NULL)
        return wrong(w, "out of memory");
    const cJSON *item;
    cJSON_ArrayForEach(item, j)
    {
        if (!cJSON_IsString(item) || !service_id_valid(item->valuestring))
            return wrong(w, "a service id must be 1 to 128 letters, digits, hyphens, "
                            "underscores and colons");
        for (size_t i = 0; i < r->n_services; i++)
            if (strcmp(r->services[i], item->valuestring) == 0)
                return wrong(w, "service %s is listed twice", item->valuestring);
        r->services[r->n_services] = span_dup(span_of(item->valuestring));
        if (r->services[r->n_services] == NULL)
            return wrong(w, "out of memory");
        r->n_services++;
    }
    return true;
}

static bool read_hash(const struct problem *w, const cJSON *j, uint8_t out[TOKEN_HASH])
{
    if (!cJSON_IsString(j) || !hex_decode(span_of(j->valuestring), out, TOKEN_HASH))
        return wrong(w, "\"%s\" must be a string of 64 hexadecimal digits", j->string);
    return true;
}

enum key { KEY_ID, KEY_NAME, KEY_SERVICES, KEY_SOURCE, KEY_DESTINATION, KEY_CREATED, KEY_EXPIRES };

static const struct {
    const char *name;
    bool needed;
} keys[] = {
    [KEY_ID] = {"id", true},
    [KEY_NAME] = {"name", false},
    [KEY_SERVICES] = {"services", false},
    [KEY_SOURCE] = {"source-token-sha256", true},
    [KEY_DESTINATION] = {"destination-token-sha256", true},
    [KEY_CREATED] = {"created", false},
    [KEY_EXPIRES] = {"expires", false},
};
#define N_KEYS (sizeof keys / sizeof *keys)

static bool read_key(const struct problem *w, enum key k, const cJSON *j, struct tunnel_record *r)
{
    switch (k) {
    case KEY_ID:
        return read_text(w, j, &r->id);
    case KEY_NAME:
        return read_text(w, j, &r->name);
    case KEY_SERVICES:
        return read_services(w, j, r);
    case KEY_SOURCE:
        return read_hash(w, j, r->hash[SIDE_SOURCE]);
    case KEY_DESTINATION:
        return read_hash(w, j, r->hash[SIDE_DESTINATION]);
    case KEY_CREATED:
        return read_time(w, j, &r->created);
    default:
        return read_time(w, j, &r->expires);
    }
}

static bool read_record(const struct problem *w, const cJSON *j, struct tunnel_record *r)
{
    bool seen[N_KEYS] = {false};
    const cJSON *item;
    char shown[64];
    if (!cJSON_IsObject(j))
        return wrong(w, "must be an object");
    cJSON_ArrayForEach(item, j)
    {
        size_t k = 0;
        while (k < N_KEYS && strcmp(keys[k].name, item->string) != 0)
            k++;
        if (k == N_KEYS)
            return wrong(w, "unknown key \"%s\"",
                         str_escape(span_of(item->string), shown, sizeof shown));
        if (seen[k])
            return wrong(w, "\"%s\" is given twice", keys[k].name);
        seen[k] = true;
        if (!read_key(w, (enum key)k, item, r))
            return false;
    }
    for (size_t k = 0; k < N_KEYS; k++)
        if (keys[k].needed && !seen[k])
            return wrong(w, "\"%s\" is missing", keys[k].name);
    if (r->name == NULL && (r->name = span_dup(span_of(""))) == NULL)
        return wrong(w, "out of memory");
    return true;
}

/* Ids and tokens must tell tunnels apart. */
static bool check_unique(struct problem *w, const struct tunnel_file *f)
{
    struct map ids = {0}, hashes = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < f->n; i++) {
        struct tunnel_record *r = &f->records[i];
        w->entry = i + 1;
        if (map_get(&ids, r->id, strlen(r->id)) != NULL)
            ok = wrong(w, "its id is used twice");
        else if (!map_put(&ids, r->id, strlen(r->id), r))
            ok = wrong(w, "out of memory");
        for (size_t side = 0; ok && side < SIDE_COUNT; side++) {
            if (map_get(&hashes, r->hash[side], TOKEN_HASH) != NULL)
                ok = wrong(w, "its \"%s\" is used twice", hash_keys[side]);
            else if (!map_put(&hashes, r->hash[side], TOKEN_HASH, r))
                ok = wrong(w, "out of memory");
        }
    }
    map_free(&ids);
    map_free(&hashes);
    return ok;
}

static bool read_file(struct problem *w, const cJSON *root, struct tunnel_file *f)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "tunnels");
    if (!cJSON_IsObject(root) || !cJSON_IsArray(list) || cJSON_GetArraySize(root) != 1)
        return wrong(w, "must be an object with the one key \"tunnels\", an array");
    f->records = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *f->records);
    if (f->records == NULL)
        return wrong(w, "out of memory");
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        w->entry = ++f->n;
        if (!read_record(w, item, &f->records[f->n - 1]))
            return false;
    }
    return check_unique(w, f);
}

static void say_where(const char *json, const char *at, const struct problem *w)
{
    size_t line = 1, column = 1;
    for (const char *p = json; p < at; p++) {
        column++;
        if (*p == '\n')
            line++, column = 1;
    }
    wrong(w, "not valid JSON at line %zu, column %zu", line, column);
}

enum err tunnel_file_parse(const char *json, size_t n, struct tunnel_file *out, char *text,
                           size_t size)
{
    struct problem w = {text, size, 0};
    const char *end = NULL;
    *out = (struct tunnel_file){0};
    cJSON *root = cJSON_ParseWithLengthOpts(json, n, &end, false);
    while (root != NULL && end < json + n && strchr(" \t\r\n", *end) != NULL && *end != '\0')
        end++;
    if (root == NULL || end != json + n) {
        say_where(json, end != NULL ? end : json, &w);
        cJSON_Delete(root);
        return ERR_PROTOCOL;
    }
    bool ok = read_file(&w, root, out);
    cJSON_Delete(root);
    if (ok)
        return ERR_OK;
    tunnel_file_free(out);
    return ERR_PROTOCOL;
}

static bool print_record(cJSON *list, const struct tunnel_record *r)
{
    char hex[2 * TOKEN_HASH + 1];
    cJSON *j = cJSON_CreateObject(), *services;
    if (j == NULL || !cJSON_AddItemToArray(list, j))
        return false;
    bool ok = cJSON_AddStringToObject(j, "id", r->id) != NULL;
    if (r->name[0] != '\0')
        ok = ok && cJSON_AddStringToObject(j, "name", r->name) != NULL;
    ok = ok && (services = cJSON_AddArrayToObject(j, "services")) != NULL;
    for (size_t i = 0; ok && i < r->n_services; i++)
        ok = cJSON_AddItemToArray(services, cJSON_CreateString(r->services[i]));
    for (size_t side = 0; ok && side < SIDE_COUNT; side++) {
        hex_encode(r->hash[side], TOKEN_HASH, hex);
        ok = cJSON_AddStringToObject(j, hash_keys[side], hex) != NULL;
    }
    if (r->created != 0)
        ok = ok && cJSON_AddNumberToObject(j, "created", (double)r->created) != NULL;
    if (r->expires != 0)
        ok = ok && cJSON_AddNumberToObject(j, "expires", (double)r->expires) != NULL;
    return ok;
}

char *tunnel_file_print(const struct tunnel_file *f)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(root, "tunnels");
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < f->n; i++)
        ok = print_record(list, &f->records[i]);
    char *text = ok ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return text;
}

void tunnel_record_free(struct tunnel_record *r)
{
    for (size_t i = 0; i < r->n_services; i++)
        free(r->services[i]);
    free(r->services);
    free(r->id);
    free(r->name);
    *r = (struct tunnel_record){0};
}

void tunnel_file_free(struct tunnel_file *f)
{
    for (size_t i = 0; i < f->n; i++)
        tunnel_record_free(&f->records[i]);
    free(f->records);
    *f = (struct tunnel_file){0};
}

bool tunnel_file_add(struct tunnel_file *f, struct tunnel_record *r)
{
    struct tunnel_record *more = realloc(f->records, (f->n + 1) * sizeof *more);
    if (more == NULL) {
        tunnel_record_free(r);
        return false;
    }
    f->records = more;
    f->records[f->n++] = *r;
    *r = (struct tunnel_record){0};
    return true;
}

void tunnel_file_remove(struct tunnel_file *f, size_t index)
{
    tunnel_record_free(&f->records[index]);
    f->n--;
    memmove(&f->records[index], &f->records[index + 1], (f->n - index) * sizeof *f->records);
}
