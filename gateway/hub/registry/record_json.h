/* Records as JSON, by a table of their members: as the registries that many hubs share keep them.
 * The reader is strict, since what it reads decides who is let in: an object with exactly these
 * members, each once and of its kind; nothing follows it. Pure. */
#ifndef GATEWAY_HUB_REGISTRY_RECORD_JSON_H
#define GATEWAY_HUB_REGISTRY_RECORD_JSON_H

#include "core/base/err.h"
#include "gateway/hub/registry/record.h"

#define RECORD_JSON_MAX ((size_t)512 << 10)       /* bytes of a record that is read */
#define RECORD_JSON_NUMBER_MAX (INT64_C(1) << 53) /* so that any reader of JSON has it exactly */

enum record_json_kind {
    RECORD_TEXT,   /* char * */
    RECORD_NUMBER, /* int64_t, from `min` to RECORD_JSON_NUMBER_MAX */
    RECORD_COUNT,  /* uint32_t */
    RECORD_FLAG,   /* bool */
    RECORD_WORD,   /* an enum of `words` */
    RECORD_BYTES,  /* uint8_t[size], in base64 */
    RECORD_BLOB,   /* uint8_t *, malloc'd, of at most `size` bytes, whose number is in `beside` */
    RECORD_TEXTS,  /* struct texts */
    RECORD_TAGS    /* struct tags */
};

struct record_json_field {
    const char *name;
    enum record_json_kind kind;
    size_t at; /* in the record */
    /* The member may be missing: a text or blob is NULL then, and so it is with bytes whose bool at
     * `beside` is false. */
    bool optional;
    size_t size, beside;
    int64_t min;
    const char *const *words;
    size_t n_words;
};

/* The text, which is to be freed. NULL: no memory. */
char *record_json_write(const void *record, const struct record_json_field *fields, size_t n);

/* Fills in a zeroed record, which is to be freed in any case. ERR_PROTOCOL: it is no such record;
 * ERR_NO_MEMORY. */
enum err record_json_read(struct span text, const struct record_json_field *fields, size_t n,
                          void *record);

#endif
