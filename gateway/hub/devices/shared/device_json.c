#include "gateway/hub/devices/shared/device_json.h"

#include "core/device/device_name.h"
#include "gateway/hub/devices/device_registry.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define AT(member) offsetof(struct device_record, member)
#define IN(member) offsetof(struct invitation, member)

static const char *const states[DEVICE_STATE_COUNT] = {
#define X(name, text) [DEVICE_##name] = text,
    DEVICE_STATE_TABLE(X)
#undef X
};

static const struct record_json_field device_fields[] = {
    {.name = "name", .kind = RECORD_TEXT, .at = AT(name)},
    {.name = "state",
     .kind = RECORD_WORD,
     .at = AT(state),
     .words = states,
     .n_words = DEVICE_STATE_COUNT},
    {.name = "labels", .kind = RECORD_TAGS, .at = AT(labels)},
    {.name = "key",
     .kind = RECORD_BYTES,
     .at = AT(key),
     .optional = true,
     .size = DEVICE_KEY_SIZE,
     .beside = AT(has_key)},
    {.name = "certificate", .kind = RECORD_FLAG, .at = AT(by_certificate)},
    {.name = "invitation", .kind = RECORD_TEXT, .at = AT(invitation)},
    {.name = "enrolled", .kind = RECORD_NUMBER, .at = AT(enrolled)},
    {.name = "azureId", .kind = RECORD_TEXT, .at = AT(azure_id), .optional = true},
    {.name = "sealed",
     .kind = RECORD_BLOB,
     .at = AT(sealed),
     .optional = true,
     .size = DEVICE_SEALED_MAX,
     .beside = AT(n_sealed)},
    {.name = "topics", .kind = RECORD_COUNT, .at = AT(topics)},
};

static const struct record_json_field seen_fields[] = {
    {.name = "at", .kind = RECORD_NUMBER, .at = AT(last_seen)},
    {.name = "address", .kind = RECORD_TEXT, .at = AT(last_address)},
    {.name = "version", .kind = RECORD_TEXT, .at = AT(version)},
    {.name = "services", .kind = RECORD_TEXTS, .at = AT(services)},
};

static const struct record_json_field invitation_fields[] = {
    {.name = "id", .kind = RECORD_TEXT, .at = IN(id)},
    {.name = "token", .kind = RECORD_BYTES, .at = IN(token), .size = TOKEN_HASH},
    {.name = "names", .kind = RECORD_TEXTS, .at = IN(names)},
    {.name = "labels", .kind = RECORD_TAGS, .at = IN(labels)},
    {.name = "uses", .kind = RECORD_NUMBER, .at = IN(uses), .min = 1},
    {.name = "created", .kind = RECORD_NUMBER, .at = IN(created)},
    {.name = "expires", .kind = RECORD_NUMBER, .at = IN(expires)},
    {.name = "keyId", .kind = RECORD_TEXT, .at = IN(key_id)},
    {.name = "approve", .kind = RECORD_FLAG, .at = IN(approve)},
};

char *device_json_write(const struct device_record *d)
{
    return record_json_write(d, device_fields, COUNT(device_fields));
}

char *device_json_write_seen(const struct device_record *d)
{
    return record_json_write(d, seen_fields, COUNT(seen_fields));
}

char *invitation_json_write(const struct invitation *i)
{
    return record_json_write(i, invitation_fields, COUNT(invitation_fields));
}

enum err device_json_read(struct span record, struct span seen, struct device_record *d)
{
    enum err why = record_json_read(record, device_fields, COUNT(device_fields), d);
    if (why == ERR_OK)
        why = record_json_read(seen, seen_fields, COUNT(seen_fields), d);
    if (why == ERR_OK && !device_name_valid(span_of(d->name)))
        why = ERR_PROTOCOL;
    return why;
}

enum err invitation_json_read(struct span record, struct invitation *i)
{
    return record_json_read(record, invitation_fields, COUNT(invitation_fields), i);
}
