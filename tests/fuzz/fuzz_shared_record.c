/* A tunnel as Redis keeps it: every input is read as one, as if Redis answered nonsense. The
 * oracle: what is taken is written anew, and read to the same again. */
#include "gateway/hub/registry/record_json.h"
#include "gateway/hub/registry/shared/shared_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void states(struct span text)
{
    struct record_side a = {0}, b = {0};
    char written[SHARED_STATE_SIZE];
    shared_state_read(&a, text);
    shared_state_write(&a, written);
    shared_state_read(&b, span_of(written));
    MUST(a.connected == b.connected && a.changed == b.changed && a.changed >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct shared_record r = {0}, again = {0};
    char *first, *second;
    states(text);
    if (shared_record_read(&r, span_of("id"), text) != ERR_OK) {
        MUST(r.record.id == NULL && r.record.tags.n == 0);
        return 0;
    }
    MUST(strcmp(r.record.id, "id") == 0 && r.record.number > 0);
    MUST((first = shared_record_write(&r)) != NULL);
    if (strlen(first) <= RECORD_JSON_MAX) { /* escaping may have made it longer */
        MUST(shared_record_read(&again, span_of("id"), span_of(first)) == ERR_OK);
        MUST((second = shared_record_write(&again)) != NULL);
        MUST(strcmp(first, second) == 0);
        free(second);
    }
    free(first);
    shared_record_free(&r);
    shared_record_free(&again);
    return 0;
}
