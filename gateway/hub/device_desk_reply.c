/* What the ways in of devices have in common. */
#include "gateway/hub/device_desk_internal.h"

#include <stdio.h>
#include <string.h>

void desk_address(const char *client, char *out, size_t size)
{
    const char *end = strrchr(client, ':');
    size_t n = end != NULL ? (size_t)(end - client) : strlen(client);
    if (n >= 2 && client[0] == '[' && client[n - 1] == ']') {
        client++;
        n -= 2;
    }
    snprintf(out, size, "%.*s", (int)n, client);
}

void desk_reply(struct hub *hub, const struct desk_reply *r)
{
    struct message_device_reply *m =
        MESSAGE(struct message_device_reply, MESSAGE_DEVICE_REPLY, r->worker);
    if (m != NULL) {
        m->pending_id = r->pending_id;
        m->ticket = r->ticket;
        m->reason = r->reason;
        m->code = r->code;
        m->delay_ms = r->delay_ms;
    } else if (r->ticket != NULL) {
        struct desk_link *l = desk_link_find(hub->desk, r->ticket->serial);
        device_ticket_free(r->ticket);
        desk_link_free(l);
    }
    hub_post(hub, m != NULL ? &m->message : NULL);
}
