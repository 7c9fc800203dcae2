/* The last answers that a device gave to notices, so that one that comes again gets the same. */
#ifndef GATEWAY_DESTINATION_DEVICE_ANSWERS_H
#define GATEWAY_DESTINATION_DEVICE_ANSWERS_H

#include "core/base/str.h"
#include "core/device/device_link.h"
#include "core/device/device_reason.h"

#define DEVICE_ANSWERS_KEPT 64

struct device_answer {
    char id[DEVICE_LINK_ID_MAX + 1];
    bool accepted;
    enum device_code code;
    char why[DEVICE_LINK_WORDS_MAX];
};

/* All zero means that none was given. The members are private. */
struct device_answers {
    struct device_answer last[DEVICE_ANSWERS_KEPT];
    size_t next;
};

/* The oldest one makes room. why is cut to fit. */
void device_answers_keep(struct device_answers *a, const char *id, bool accepted,
                         enum device_code code, const char *why);
const struct device_answer *device_answers_find(const struct device_answers *a, struct span id);

#endif
