/* Records of devices and invitations as Redis has them: what is read can be written, and is the
 * same then. A line feed ends the record, and what was seen last follows. */
#include "gateway/hub/devices/shared/device_json.h"

#include <stdlib.h>
#include <string.h>

static void device(struct span record, struct span seen)
{
    struct device_record d = {0}, again = {0};
    if (device_json_read(record, seen, &d) == ERR_OK) {
        char *text = device_json_write(&d), *told = device_json_write_seen(&d);
        if (device_json_read(span_of(text), span_of(told), &again) != ERR_OK ||
            strcmp(d.name, again.name) != 0 || d.n_sealed != again.n_sealed ||
            d.has_key != again.has_key || memcmp(d.key, again.key, sizeof d.key) != 0 ||
            d.enrolled != again.enrolled || d.labels.n != again.labels.n)
            abort();
        free(text);
        free(told);
    }
    device_record_free(&d);
    device_record_free(&again);
}

static void invitation(struct span record)
{
    struct invitation i = {0}, again = {0};
    if (invitation_json_read(record, &i) == ERR_OK) {
        char *text = invitation_json_write(&i);
        if (invitation_json_read(span_of(text), &again) != ERR_OK || i.uses != again.uses ||
            memcmp(i.token, again.token, TOKEN_HASH) != 0 || i.names.n != again.names.n)
            abort();
        free(text);
    }
    invitation_free(&i);
    invitation_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size};
    struct span record = span_cut(&rest, '\n');
    device(record, rest);
    invitation(record);
    return 0;
}
