#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_protocol.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAIN_MODE 0666 /* of a web server's way in: it is another user, and the folder decides */

static void on_descriptor(void *owner, struct listener *l, int fd)
{
    const struct hub_listener *at = owner;
    struct hub *hub = at->hub;
    size_t frontend = hub->n_workers + hub->next_frontend;
    bool running = hub->n_threads > hub->n_workers; /* other nodes may call while this one joins */
    struct message_accepted *m =
        running ? MESSAGE(struct message_accepted, MESSAGE_ACCEPTED, frontend) : NULL;
    (void)l;
    if (m == NULL) {
        close(fd);
        return;
    }
    hub->next_frontend = (hub->next_frontend + 1) % (hub->n_threads - hub->n_workers);
    hub->accepted++;
    m->fd = fd;
    m->protocol = at->protocol;
    hub_post(hub, &m->message);
}

static const struct listener_events listener_events = {.descriptor = on_descriptor};

/* NULL: there are too many listeners. */
static struct hub_listener *new_listener(struct hub *hub, const struct hub_protocol *protocol)
{
    struct hub_listener *at = &hub->listeners[hub->n_listeners];
    if (hub->n_listeners == HUB_MAX_LISTENERS)
        return NULL;
    *at = (struct hub_listener){.hub = hub, .protocol = protocol};
    return at;
}

static const char *keep_listener(struct hub_listener *at, struct listener *l)
{
    if (l == NULL)
        return NULL;
    at->listener = l;
    at->hub->n_listeners++;
    return listener_name(l);
}

/* False: others than this machine would reach it. */
static bool guard_plain(const struct listener *l, enum err *why)
{
    *why = ERR_FORBIDDEN;
    if (!listener_is_local(l))
        return false;
    if (listener_port(l) != 0)
        return true;
    *why = chmod(listener_name(l), PLAIN_MODE) == 0 ? ERR_OK : err_from_errno(errno);
    return *why == ERR_OK;
}

const char *hub_listen(struct hub *hub, const struct hub_protocol *protocol, const char *where,
                       enum err *why)
{
    struct hub_listener *at = new_listener(hub, protocol);
    *why = ERR_LIMIT;
    if (at == NULL)
        return NULL;
    struct listener *l = listener_new(hub->o.loop, where, &listener_events, at, why);
    if (l == NULL || !protocol->plain || guard_plain(l, why))
        return keep_listener(at, l);
    listener_free(l);
    return NULL;
}

const char *hub_adopt(struct hub *hub, const struct hub_protocol *protocol, int fd, enum err *why)
{
    struct hub_listener *at = new_listener(hub, protocol);
    *why = ERR_LIMIT;
    if (at != NULL)
        return keep_listener(at, listener_from_fd(hub->o.loop, fd, &listener_events, at, why));
    close(fd);
    return NULL;
}

void hub_stop_listening(struct hub *hub)
{
    while (hub->n_listeners > 0)
        listener_free(hub->listeners[--hub->n_listeners].listener);
}
