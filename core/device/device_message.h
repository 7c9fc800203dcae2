/* Messages of the device link, from the device to the hub (proto/device.proto). Pure. Texts are
 * views into the bytes decoded, and come from outside. */
#ifndef CORE_DEVICE_DEVICE_MESSAGE_H
#define CORE_DEVICE_DEVICE_MESSAGE_H

#include "core/base/err.h"
#include "core/device/device_link.h"
#include "core/device/device_reason.h"

enum device_message_kind {
    DEVICE_MESSAGE_OTHER, /* of a later version: to be ignored */
    DEVICE_MESSAGE_HELLO,
    DEVICE_MESSAGE_STATUS,
    DEVICE_MESSAGE_ANSWER
};

struct device_status {
    struct span services[DEVICE_LINK_SERVICES_MAX]; /* each is a service id */
    size_t n_services;
    struct span version; /* of the program */
    uint64_t uptime_s;   /* the program's */
    bool accepting;      /* false: every notice will be rejected with MAINTENANCE */
    uint32_t ping_s;     /* the longest silence that it promises */
};

struct device_hello {
    struct span device;        /* its name, which the receiver checks */
    const uint8_t *public_key; /* P256_POINT_SIZE bytes; NULL: a certificate says who */
    const uint8_t *signature;  /* P256_SIGNATURE_SIZE bytes; NULL as well then */
    struct span join_token;    /* or ""; secret */
    struct device_status status;
    /* The ids of the tunnels that it has and comes back to by itself. */
    struct span tunnels[DEVICE_LINK_TUNNELS_MAX];
    size_t n_tunnels;
    bool names_tunnels; /* false: it is an older one, and says nothing of its tunnels */
};

struct device_message {
    enum device_message_kind kind;
    union {
        struct device_hello hello;
        struct device_status status;
        struct {
            struct span id; /* of the notice */
            bool accepted;
            enum device_code code; /* or a number that we do not know; if not accepted */
            struct span why;       /* the device's own words, or "" */
        } answer;
    };
};

/* As hub_message.h has them. */
enum err device_message_decode(const uint8_t *p, size_t n, struct device_message *out);
size_t device_message_encode(const struct device_message *m, uint8_t *out, size_t size);

#endif
